package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"deputy/examples"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/httpd"
)

// Config says how the demo is set up. The zero value runs on SQLite and any free port.
type Config struct {
	Engine    string // config.SQLite or config.Postgres
	Listen    string // default 127.0.0.1:0
	Log       zerolog.Logger
	Data      func(prefix string) string // SQL that makes the tables; default the story's
	Telemetry config.Telemetry           // default: none
	Settings  []string                   // of the throw-away PostgreSQL: see throwaway.Start
	State     string                     // DSN of a PostgreSQL that was migrated, for requests; default a SQLite file
	Clock     func() time.Time           // that Pass sets forward; default time.Now
	// Timeout of a statement, if the configured one is not meant.
	Timeout time.Duration
}

// Stage is everything the story needs, running.
type Stage struct {
	*assembly.Deputy
	URL        string // of the MCP endpoint
	AgentKey   string // of the marketing agent
	ScannerKey string
	AuditFile  string
	ConfigFile string // as a deputy process of one's own could use it, with Environment

	issuer  *issuer.Issuer
	cluster *throwaway.Cluster
	clock   func() time.Time
	ahead   atomic.Int64 // of the clock, in nanoseconds
	dir     string
	env     map[string]string
	stop    context.CancelFunc
	ended   chan struct{} // closed when the server has ended; served says how
	served  error
}

// Start sets the stage. Close takes it down again, whatever happened on it.
func Start(ctx context.Context, c Config) (_ *Stage, err error) {
	s := &Stage{env: map[string]string{}, clock: c.Clock}
	if s.clock == nil {
		s.clock = time.Now
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "deputy-demo-"); err != nil {
		return nil, err
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("the demo listens on this machine only: %s is not a loopback address", c.Listen)
	}
	s.URL = "http://" + listener.Addr().String() + "/mcp"
	if s.issuer, err = issuer.Start(issuer.Config{Audience: s.URL, Now: s.Now}); err != nil {
		listener.Close()
		return nil, err
	}
	if c.Data == nil {
		c.Data = seed
	}
	loaded, err := s.configure(ctx, c, listener.Addr().String())
	if err == nil {
		loaded.Telemetry = c.Telemetry
		loaded.Limits.Timeout = cmp.Or(c.Timeout, loaded.Limits.Timeout)
		s.Deputy, err = assembly.NewAt(ctx, loaded, c.Log, s.Now)
	}
	if err != nil {
		listener.Close()
		return nil, err
	}
	return s, s.serve(ctx, listener)
}

// configure makes the data and loads the demo's configuration with what this run has made up.
func (s *Stage) configure(ctx context.Context, c Config, address string) (*config.Config, error) {
	s.AuditFile = filepath.Join(s.dir, "audit.jsonl")
	s.env = map[string]string{"DEMO_LISTEN": address, "DEMO_ISSUER": s.issuer.URL(), "DEMO_AUDIT": s.AuditFile}
	s.AgentKey, s.env["DEMO_AGENT_KEY_SHA256"] = identity.NewKey(rand.Reader)
	s.ScannerKey, s.env["DEMO_SCANNER_KEY_SHA256"] = identity.NewKey(rand.Reader)
	text := string(examples.Demo)
	var err error
	if c.Engine == config.Postgres {
		text = onPostgres.Replace(text)
		if s.cluster, err = throwaway.Start(ctx, c.Settings...); err != nil {
			return nil, err
		}
		s.env["DEMO_SIGNING_KEY"] = signingKey
		s.env["DEMO_DSN"], err = makePostgres(ctx, s.cluster, c.Data)
	} else {
		s.env["DEMO_DATABASE"], err = makeSQLite(s.dir, c.Data)
	}
	if err != nil {
		return nil, err
	}
	if c.State != "" {
		text = strings.Replace(text, "requests:\n", "requests:\n  state: {dsn: \"${DEMO_STATE}\"}\n", 1)
		s.env["DEMO_STATE"] = c.State
	}
	s.ConfigFile = filepath.Join(s.dir, "demo.yaml")
	if err := os.WriteFile(s.ConfigFile, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(s.ConfigFile, func(name string) (string, bool) { v, ok := s.env[name]; return v, ok })
}

// ending is short: at the end of a demo nothing is worth waiting for.
func ending() httpd.End { return httpd.End{Calls: time.Second, Settle: time.Second} }

func (s *Stage) serve(ctx context.Context, listener net.Listener) error {
	handler, err := httpd.New(s.HTTP("demo"))
	if err != nil {
		listener.Close()
		return err
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		s.served = (&httpd.Server{Handler: handler, Logger: s.Log, Ending: ending}).Serve(ctx, listener)
	}()
	return nil
}

// Now is the stage's clock. Pass sets it forward.
func (s *Stage) Now() time.Time { return s.clock().Add(time.Duration(s.ahead.Load())) }

// Pass lets time pass at once.
func (s *Stage) Pass(d time.Duration) { s.ahead.Add(int64(d)) }

// StewardToken is one of a person who signed in to decide on requests, for themself.
func (s *Stage) StewardToken(p Person) string { return s.StewardTokenFor(p, s.URL) }

// StewardTokenFor is the same for another server with the stage's configuration.
func (s *Stage) StewardTokenFor(p Person, url string) string {
	return s.issuer.Token(
		issuer.Claims{
			Subject:  p.Subject,
			Name:     p.Name,
			ClientID: "steward-console",
			Groups:   p.Groups,
			Audience: url,
			Extra:    map[string]any{"scope": "approve"},
		},
	)
}

// Token is an access token as the demo's issuer gives it to a person who signed in and uses the marketing agent's chat.
func (s *Stage) Token(p Person) string { return s.TokenFor(p, s.URL) }

// TokenFor is the same for another server with the stage's configuration.
func (s *Stage) TokenFor(p Person, url string) string {
	return s.issuer.Token(
		issuer.Claims{Subject: p.Subject, Name: p.Name, ClientID: "marketing-chat", Groups: p.Groups, Audience: url},
	)
}

// Issuer is the demo's identity provider.
func (s *Stage) Issuer() *issuer.Issuer { return s.issuer }

// Environment is what a process with ConfigFile needs, as NAME=value.
func (s *Stage) Environment() []string {
	var out []string
	for name, value := range s.env {
		out = append(out, name+"="+value)
	}
	return out
}

// Cluster is the throw-away PostgreSQL; nil on SQLite.
func (s *Stage) Cluster() *throwaway.Cluster { return s.cluster }

// Wait returns when the server has ended, with what it ended with. It may be called any number of times.
func (s *Stage) Wait() error {
	<-s.ended
	return s.served
}

// Close ends everything and removes it.
func (s *Stage) Close() error {
	var failures []error
	if s.stop != nil {
		s.stop()
		failures = append(failures, s.Wait())
	}
	if s.Deputy != nil {
		failures = append(failures, s.Deputy.Close())
	}
	if s.issuer != nil {
		failures = append(failures, s.issuer.Close())
	}
	if s.cluster != nil {
		s.cluster.Stop()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		failures = append(failures, fmt.Errorf("removing the demo's files: %w", err))
	}
	return errors.Join(failures...)
}
