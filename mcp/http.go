package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"deputy/identity"
	"deputy/tools"
)

const (
	endpoint     = "/mcp"
	metadataPath = server.WellKnownProtectedResourcePath // RFC 9728
)

// NewHTTP serves the tools at /mcp, says at /.well-known/oauth-protected-resource where tokens come from, and answers
// /healthz and /readyz.
func NewHTTP(cfg Config) (http.Handler, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	public, err := parsePublicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	resource := public.JoinPath(endpoint).String()
	metadata := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says := server.ProtectedResourceMetadataConfig{
			Resource:                      resource,
			BearerMethodsSupported:        []string{"header"},
			ResourceName:                  "Deputy",
			DPoPSigningAlgValuesSupported: identity.ProofAlgorithms(),
		}
		if cfg.Issuers != nil {
			says.AuthorizationServers = cfg.Issuers()
		}
		if cfg.Scopes != nil {
			says.ScopesSupported = cfg.Scopes()
		}
		handler := server.NewProtectedResourceMetadataHandler(says)
		if cfg.Login != nil {
			handler = withLogin(handler, cfg.Login())
		}
		handler.ServeHTTP(w, r)
	})
	watch, err := newWatch(cfg.Telemetry, "tcp")
	if err != nil {
		return nil, err
	}
	auth := &authentication{
		authenticator: cfg.Authenticator,
		tools:         cfg.Tools,
		begin:         cfg.Begin,
		resource:      resource,
		challenge:     fmt.Sprintf("Bearer resource_metadata=%q", public.JoinPath(metadataPath, endpoint)),
		proving: fmt.Sprintf(
			"DPoP resource_metadata=%q, algs=%q",
			public.JoinPath(metadataPath, endpoint),
			strings.Join(identity.ProofAlgorithms(), " "),
		),
		log:   cfg.Logger,
		watch: watch,
	}
	limits, err := newLimiter(cfg)
	if err != nil {
		return nil, err
	}
	crossOrigin := http.NewCrossOriginProtection()
	if err := crossOrigin.AddTrustedOrigin(origin(public)); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusForbidden, "cross_origin", "requests from other sites are not taken")
	}))

	inside := func(next http.Handler) http.Handler {
		return chain(next, func(next http.Handler) http.Handler { return hostGuard(public.Hostname(), next) },
			func(next http.Handler) http.Handler { return originGuard(public, next) }, crossOrigin.Handler)
	}
	mux := http.NewServeMux()
	if cfg.Desk != nil {
		desk := &stewards{desk: cfg.Desk, auth: auth, stops: orNoStops(cfg.Stops)}
		mux.Handle(apiPath+"/", inside(desk.chained(cfg, limits)))
		mux.Handle(apiPath, inside(desk.chained(cfg, limits)))
		mux.Handle(descriptionPath, onlyRead(http.HandlerFunc(describeAPI)))
	}
	// In this order: what costs least and knows least of the caller comes first, and no body is read for nobody.
	mux.Handle(endpoint, chain(protocol(cfg),
		inside,
		requestGuard,
		limits.byAddress,
		auth.begins,
		auth.guard,
		limits.byCaller,
		auth.recording,
		func(next http.Handler) http.Handler { return bodyGuard(cfg.MaxMessage, limits.arriving, next) },
		messageGuard,
		auth.latest,
		auth.listing,
		limits.byPlace,
		auth.ceiling,
		watch.guard,
		func(next http.Handler) http.Handler { return streamGuard(cfg.WriteTimeout, next) },
	))
	mux.Handle(metadataPath, onlyRead(metadata))
	mux.Handle(metadataPath+endpoint, onlyRead(metadata))
	mux.Handle(
		"/healthz",
		onlyRead(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "", "alive") })),
	)
	mux.Handle("/readyz", onlyRead(newReadiness(cfg)))
	return chain(mux,
		func(next http.Handler) http.Handler { return writeDeadline(cfg.WriteTimeout, next) },
		func(next http.Handler) http.Handler { return recovery(cfg.Logger, next) },
		strictTransport,
		cfg.Proxies.located,
	), nil
}

// chain lets a request pass the guards in the order in which they are written.
func chain(last http.Handler, guards ...func(http.Handler) http.Handler) http.Handler {
	for i := len(guards) - 1; i >= 0; i-- {
		last = guards[i](last)
	}
	return last
}

// protocol is mcp-go's own handler: without sessions, which it would keep for ever, and without the streams that belong
// to them. Its Host check is off because ours, which also knows the public name, has run.
func protocol(cfg Config) http.Handler {
	return server.NewStreamableHTTPServer(newServer(cfg, httpCaller),
		server.WithStateLess(true),
		server.WithDisableStreaming(true),
		server.WithDisableLocalhostProtection(true),
		server.WithStreamableHTTPLogger(slog.New(zerolog.NewSlogHandler(cfg.Logger))),
	)
}

type callKey struct{}

// httpCall is a call whose principal is proved, and the context of the HTTP request that it came with. When only is
// there, none is proved, and the call is zero: there is an agent, which may be told what there is to call.
type httpCall struct {
	call        tools.Call
	only        *identity.AgentOnly
	credentials identity.Credentials // that proved it
	request     context.Context
	proofs      []proof
}

// counted is the call as it counts against somebody.
func (c httpCall) counted() tools.Call {
	if c.only != nil {
		return tools.Call{Principal: identity.Principal{Agent: c.only.Agent}, Client: c.credentials.ClientAddress}
	}
	return c.call
}

// httpCaller runs tools in the context of the HTTP request itself, not in mcp-go's: that one is cancelled by whoever
// names the request's id, this one only when the request's own client goes away. The span is that of the request.
func httpCaller(ctx context.Context) (context.Context, tools.Call, error) {
	c, ok := ctx.Value(callKey{}).(httpCall)
	if !ok {
		return nil, tools.Call{}, errors.New("an HTTP request got past authentication")
	}
	if c.only != nil {
		return nil, tools.Call{}, errors.New("a tool was called without a principal")
	}
	return trace.ContextWithSpan(c.request, trace.SpanFromContext(ctx)), c.call, nil
}

func parsePublicURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("public URL: it cannot be read")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("public URL %q: it must begin with https:// or http:// and a host", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("public URL %q: it must end after the host; the endpoint %s is added", u.Redacted(), endpoint)
	}
	u.Path = ""
	return u, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// answer is what is said outside the protocol.
func answer(w http.ResponseWriter, status int, code, text string) {
	body := map[string]string{"message": text}
	if code != "" {
		body["error"] = code
	}
	answerJSON(w, status, body)
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone; there is nobody to tell
}
