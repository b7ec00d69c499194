package httpd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/limit"
)

const (
	endpoint     = "/mcp"
	readyPath    = "/readyz"
	metadataPath = mcp.MetadataPath // RFC 9728
	slash        = "/{$}"           // a slash at the end, which some hosts add
)

// server is what the handlers share. Nothing in it changes while it runs, but what the limits have counted.
type server struct {
	config      Config
	mcp         *mcp.Server
	limits      *limit.Limiter
	watch       *mcp.Watch
	public      *url.URL
	crossOrigin *http.CrossOriginProtection
	origin      string // the public one
	resource    string // the endpoint by its public name
	challenge   string // this and the next are made at the start, so that nothing of a request can get into them
	proof       string // the challenge for tokens that are bound to a key
}

// New serves the tools at /mcp, with or without a slash at its end. It says at /.well-known/oauth-protected-resource
// where tokens come from, answers /healthz and /readyz, and serves the routes.
func New(cfg Config) (http.Handler, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	protocol := s.endpoint()
	mux.Handle(endpoint, protocol)
	mux.Handle(endpoint+slash, protocol)
	for _, route := range s.config.Routes {
		handler := s.route(route)
		for _, pattern := range route.Patterns {
			mux.Handle(pattern, handler)
		}
	}
	for path, open := range s.config.Open {
		mux.Handle(path, onlyRead(open))
	}
	metadata := onlyRead(http.HandlerFunc(s.metadata))
	mux.Handle(metadataPath, metadata)
	mux.Handle(metadataPath+endpoint, metadata)
	mux.Handle(metadataPath+endpoint+slash, metadata)
	mux.Handle("/healthz", onlyRead(http.HandlerFunc(healthy)))
	mux.Handle(readyPath, onlyRead(newReadiness(s.config)))
	return writeDeadline(s.config.WriteTimeout, recovery(s.config.Logger, strictTransport(mux))), nil
}

func newServer(cfg Config) (*server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	public, err := parsePublicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	described := public.JoinPath(metadataPath, endpoint)
	s := &server{
		config:      cfg,
		mcp:         mcp.NewServer(cfg.Config),
		public:      public,
		crossOrigin: http.NewCrossOriginProtection(),
		origin:      origin(public),
		resource:    public.JoinPath(endpoint).String(),
		challenge:   fmt.Sprintf("Bearer resource_metadata=%q", described),
		proof: fmt.Sprintf(
			"DPoP resource_metadata=%q, algs=%q",
			described,
			strings.Join(identity.ProofAlgorithms(), " "),
		),
	}
	if err := s.crossOrigin.AddTrustedOrigin(s.origin); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if s.watch, err = mcp.NewWatch(cfg.Telemetry, "tcp"); err != nil {
		return nil, err
	}
	s.limits, err = limit.New(limit.Config{Limits: cfg.Limits, Now: cfg.Now, Telemetry: cfg.Telemetry})
	return s, err
}

func healthy(w http.ResponseWriter, _ *http.Request) { Refuse(w, http.StatusOK, "", "alive") }

func parsePublicURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("public URL: it cannot be read")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("public URL %q: it must begin with https:// or http:// and a host", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf(
			"public URL %q: it must end after the host; the endpoint %s is added",
			u.Redacted(),
			endpoint,
		)
	}
	u.Path = ""
	return u, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// Refuse says something outside the protocol: an error with a code, or without one what is well.
func Refuse(w http.ResponseWriter, status int, code, text string) {
	body := map[string]string{"message": text}
	if code != "" {
		body["error"] = code
	}
	Answer(w, status, body)
}

// refuseFault is what a request is told that got past a guard, which it cannot.
func refuseFault(w http.ResponseWriter) {
	Refuse(w, http.StatusInternalServerError, "internal", mcp.Fault)
}

// Answer answers in JSON, which is not kept by anything on the way.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone cannot be told
}
