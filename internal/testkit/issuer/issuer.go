// Package issuer is a fake at the edge: a small OpenID provider inside the process, for the demo and for tests.
//
// What it serves and signs is real (discovery, a key set, ES256 access tokens as RFC 9068 describes them), so that
// everything behind it is the code that production runs. It is a fake because it asks nobody for a password: whoever
// holds it may have a token for anybody, and says with SignIn who the browser's owner is. Its keys are made at the
// start and are gone with the process, and it listens on loopback only.
package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Config configures an Issuer. The zero value is useful, but for the audience.
type Config struct {
	Audience string           // of tokens whose claims name none
	Address  string           // loopback address to listen on; default 127.0.0.1 and any free port
	Now      func() time.Time // default time.Now
}

// Issuer is a running provider. Its methods may be called concurrently.
type Issuer struct {
	config  Config
	url     string
	handler http.Handler
	server  *http.Server
	fetches atomic.Int64
	down    atomic.Bool

	introspections atomic.Int64

	mu         sync.Mutex
	key        jose.JSONWebKey   // with its private part; replaced by Rotate
	opaque     map[string][]byte // claims of the tokens that are no JWTs
	introspect http.HandlerFunc  // to introspection; nil: the honest one
	keys       http.HandlerFunc  // nil: the honest one

	sessions sessions
}

// Start makes a key and serves until Close.
func Start(config Config) (*Issuer, error) {
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	listener, err := net.Listen("tcp", config.Address)
	if err != nil {
		return nil, fmt.Errorf("start the demo issuer: %w", err)
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("start the demo issuer: %s is not a loopback address", config.Address)
	}
	i := &Issuer{config: config, url: "http://" + listener.Addr().String()}
	i.sessions.codes = map[string]*grant{}
	i.sessions.devices = map[string]*grant{}
	i.sessions.refresh = map[string]*grant{}
	i.Rotate()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveDiscovery)
	mux.HandleFunc("GET /keys", i.serveKeys)
	mux.HandleFunc("POST /introspect", i.serveIntrospection)
	mux.HandleFunc("GET /authorize", i.serveAuthorize)
	mux.HandleFunc("POST /token", i.serveToken)
	mux.HandleFunc("POST /device_authorization", i.serveDeviceAuthorization)
	mux.HandleFunc("GET /device", i.serveDevice)
	mux.HandleFunc("POST /revoke", i.serveRevoke)
	i.handler = i.unlessDown(mux)
	i.server = &http.Server{Handler: i.handler, ReadHeaderTimeout: 5 * time.Second}
	go i.server.Serve(listener)
	return i, nil
}

// URL is the issuer's identifier, as in the iss claim of its tokens.
func (i *Issuer) URL() string { return i.url }

// Close stops serving. Tokens can still be made.
func (i *Issuer) Close() error { return i.server.Close() }

// Fetches counts how often the key set was asked for.
func (i *Issuer) Fetches() int { return int(i.fetches.Load()) }

// SetDown makes every request fail with 503, or ends that.
func (i *Issuer) SetDown(down bool) { i.down.Store(down) }

// Down reports whether the issuer answers nothing, as SetDown says.
func (i *Issuer) Down() bool { return i.down.Load() }

// Rotate replaces the signing key by a new one and forgets the old one.
func (i *Issuer) Rotate() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("make a signing key: %v", err)) // crypto/rand does not fail
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: string(jose.ES256), Use: "sig"}
}

// PublicKey is the key that verifies what is signed now.
func (i *Issuer) PublicKey() jose.JSONWebKey {
	key := i.signingKey()
	return key.Public()
}

func (i *Issuer) signingKey() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.key
}

func (i *Issuer) unlessDown(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Handler is what answers at URL, for a test that has no network.
func (i *Issuer) Handler() http.Handler { return i.handler }

func (i *Issuer) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer":                        i.url,
		"jwks_uri":                      i.url + "/keys",
		"authorization_endpoint":        i.url + "/authorize",
		"token_endpoint":                i.url + "/token",
		"device_authorization_endpoint": i.url + "/device_authorization",
		"revocation_endpoint":           i.url + "/revoke",
		"introspection_endpoint":        i.url + "/introspect",
		"response_types_supported":      []string{"code"},
		"grant_types_supported": []string{
			"authorization_code",
			"refresh_token",
			"urn:ietf:params:oauth:grant-type:device_code",
		},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},

		"authorization_response_iss_parameter_supported": true,
	}
	i.sessions.mu.Lock()
	maps.Copy(document, i.sessions.metadata)
	i.sessions.mu.Unlock()
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == nil })
	writeJSON(w, document)
}

// ServeKeys replaces how the key set is served, for the tests of issuers that misbehave; nil: honestly again.
func (i *Issuer) ServeKeys(serve http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = serve
}

func (i *Issuer) serveKeys(w http.ResponseWriter, r *http.Request) {
	i.fetches.Add(1)
	i.mu.Lock()
	serve := i.keys
	i.mu.Unlock()
	if serve != nil {
		serve(w, r)
		return
	}
	writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.PublicKey()}})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // a reader that went away is its own business
}
