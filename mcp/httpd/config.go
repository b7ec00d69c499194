package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/limit"
)

// Config is what the HTTP server needs beside the protocol.
type Config struct {
	mcp.Config
	// PublicURL is where clients reach this server, without a path: https://deputy.example.com. It is needed.
	PublicURL string
	// Limits bound what callers may do, with numbers that may change from call to call. Nil: the defaults.
	Limits func() limit.Limits
	// Metadata says where tokens come from; nil: nowhere that the server could name.
	Metadata func() Metadata
	// Ready says why no call could be answered now; nil: always ready.
	Ready func(context.Context) error
	// Stopping is closed when the server begins to end: /readyz says so, while calls are still answered. Nil: never.
	Stopping <-chan struct{}
	// Parts says how each part is that the server can do without; nil: nothing is said of any.
	Parts func(context.Context) Parts
	// Notice is what /readyz adds to its answer, for everybody to read; nil or empty: nothing.
	Notice func() string
	// Proxies are those whose X-Forwarded-For is believed. Nil: none is.
	Proxies Proxies
	// WriteTimeout is how long a client may take to read its answer. Default 30 seconds.
	WriteTimeout time.Duration
	// Routes are served beside the protocol.
	Routes []Route
	// Open is served to everybody who reads, without a credential, by the path.
	Open map[string]http.Handler
}

// Route is a part of the server that does not speak the protocol. Its requests pass the guards that those of the
// protocol pass, in the same order. Every function is needed.
type Route struct {
	// Patterns are as http.ServeMux takes them.
	Patterns []string
	// Takes reports whether the route takes such a request. Where it does not, it has answered.
	Takes func(http.ResponseWriter, *http.Request) bool
	// Prove turns a credential into who calls, or says no with an *identity.AuthError.
	Prove func(context.Context, mcp.Generation, identity.Credentials) (identity.Principal, error)
	// TurnAway records a request whose credential was not accepted.
	TurnAway func(context.Context, mcp.Generation, *http.Request, Refused)
	// Serve answers a request that has passed.
	Serve func(http.ResponseWriter, *Request)
}

// Refused is a caller whose credential was not accepted.
type Refused struct {
	Client string // the network address
	Why    *identity.AuthError
}

// Request is one that has passed the guards: its caller is proved, and its body has been read.
type Request struct {
	*http.Request
	Generation mcp.Generation
	Principal  identity.Principal
	Client     string // the network address
	Body       []byte
}

func (c Config) withDefaults() (Config, error) {
	var err error
	if c.Config, err = c.Config.WithDefaults(); err != nil {
		return c, err
	}
	if c.WriteTimeout < 0 {
		return c, errors.New("httpd: limits cannot be negative")
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 30 * time.Second
	}
	if c.Metadata == nil {
		c.Metadata = func() Metadata { return Metadata{} }
	}
	return c, nil
}
