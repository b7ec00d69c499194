package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxResponse  = 1 << 20
	fetchTimeout = 5 * time.Second // for discovery and keys together
	minRSABits   = 2048
)

// misconfigured marks what an issuer that did answer will not mend by itself: it stops the start.
type misconfigured struct{ error }

// remote reads one issuer's public keys: discovery first, every time, so that a key set that moved is found.
type remote struct {
	issuer *url.URL
	text   string // the issuer as configured: the iss of its tokens, to the letter
	client *http.Client
}

func newRemote(issuer string, client *http.Client) (*remote, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, errors.New("not a URL: write https://id.example.com, as in the tokens' iss claim")
	}
	switch {
	case u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New(
			"an issuer is a scheme, a host and a path, and nothing more: write https://id.example.com, as in the tokens' iss claim",
		)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, errors.New("whoever is in between could sign tokens: write https")
	}
	return &remote{issuer: u, text: issuer, client: bounded(client)}, nil
}

// bounded is a client that stays where it was sent and does not wait for ever.
func bounded(client *http.Client) *http.Client {
	var own http.Client
	if client != nil {
		own = *client
	}
	if own.Timeout <= 0 || own.Timeout > fetchTimeout {
		own.Timeout = fetchTimeout
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("redirects are not followed")
	}
	return &own
}

func (r *remote) keys(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	where, err := r.discover(ctx, "jwks_uri")
	if err != nil {
		return nil, err
	}
	body, err := r.get(ctx, where)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys of issuer %s: %w", r.text, err)
	}
	keys, err := parseKeys(body)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys of issuer %s: %w", r.text, err)
	}
	return keys, nil
}

// discover asks the issuer where something of it is.
func (r *remote) discover(ctx context.Context, what string) (string, error) {
	body, err := r.get(ctx, strings.TrimSuffix(r.text, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", fmt.Errorf("discover issuer %s: %w", r.text, err)
	}
	where, err := r.named(body, what)
	if err != nil {
		return "", fmt.Errorf("discover issuer %s: %w", r.text, err)
	}
	return where, nil
}

func (r *remote) get(ctx context.Context, where string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	return r.do(request)
}

// do returns the body of a good answer, which is never longer than maxResponse.
func (r *remote) do(request *http.Request) ([]byte, error) {
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer was status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxResponse {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxResponse)
	}
	return body, nil
}

// named is an address that a discovery document has to name.
func (r *remote) named(document []byte, what string) (string, error) {
	metadata, err := r.metadata(document)
	if err != nil {
		return "", err
	}
	where, err := r.endpoint(metadata, what)
	if err == nil && where == "" {
		err = misconfigured{fmt.Errorf("the document there names no %s", what)}
	}
	return where, err
}

// metadata reads a discovery document, which must be this issuer's own.
func (r *remote) metadata(document []byte) (claims, error) {
	metadata, err := decodeClaims(document)
	if err != nil {
		return nil, err
	}
	if issuer, err := metadata.text("issuer"); err != nil || issuer != r.text {
		return nil, misconfigured{fmt.Errorf("the document there is of another issuer: %.200q", issuer)}
	}
	return metadata, nil
}

// endpoint is a URL in a discovery document, empty when there is none. It must not send us somewhere an issuer on the
// network has no business: in the clear, or to addresses that only mean something inside.
func (r *remote) endpoint(metadata claims, name string) (string, error) {
	where, err := metadata.text(name)
	if err != nil {
		return "", misconfigured{fmt.Errorf("%s is not a URL", name)}
	}
	if where == "" {
		return "", nil
	}
	u, err := url.Parse(where)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return "", misconfigured{fmt.Errorf("%s is not a URL", name)}
	}
	host := u.Hostname()
	switch {
	case loopback(r.issuer.Hostname()) && loopback(host) && (u.Scheme == "http" || u.Scheme == "https"):
	case u.Scheme != "https":
		return "", misconfigured{fmt.Errorf("%s must be https: %.200q", name, where)}
	case internal(host) && host != r.issuer.Hostname():
		return "", misconfigured{fmt.Errorf("%s points to an internal address: %.200q", name, where)}
	}
	return where, nil
}

// parseKeys keeps the public signing keys that we can use; a key set may hold others (RFC 7517).
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	set, err := decodeClaims(body)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if json.Unmarshal(set["keys"], &raw) != nil {
		return nil, errors.New("not a key set")
	}
	var keys []jose.JSONWebKey
	for _, one := range raw {
		var key jose.JSONWebKey
		if json.Unmarshal(one, &key) == nil && usable(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no usable key in the key set")
	}
	return keys, nil
}

func usable(key jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

// internal knows addresses by their look. A name may still resolve to one: issuers inside a company do.
func internal(host string) bool {
	address, err := netip.ParseAddr(host)
	if err != nil {
		return loopback(host)
	}
	address = address.Unmap()
	return !address.IsGlobalUnicast() || address.IsPrivate()
}
