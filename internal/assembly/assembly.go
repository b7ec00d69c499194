// Package assembly puts the parts together as the configuration says: engines, policies, identity, audit. Every command and the
// demo run what is assembled here, so that what is tested is what is served.
package assembly

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/mcp"
	"deputy/tools"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/sqlite"
)

// Deputy is everything that one configuration makes.
type Deputy struct {
	Config        *config.Config
	Engines       map[string]vending.Engine
	Tools         *tools.Tools
	Authenticator *identity.Authenticator
	Audit         *audit.Log
	Log           zerolog.Logger

	stopPublishing func() // nil: no checkpoint is sent on
}

// New starts the parts in the order in which they depend on each other. With an error, nothing stays open.
func New(ctx context.Context, c *config.Config, log zerolog.Logger) (_ *Deputy, err error) {
	d := &Deputy{Config: c, Log: log}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.Engines, err = Engines(c); err != nil {
		return nil, err
	}
	if err = d.checkEngines(ctx); err != nil {
		return nil, err
	}
	registry, err := identity.NewRegistry(c.Agents)
	if err != nil {
		return nil, err
	}
	if d.Authenticator, err = identity.New(ctx, c.Identity, registry, identity.Options{Audience: c.Server.PublicURL + "/mcp"}); err != nil {
		return nil, err
	}
	if err = d.openAudit(); err != nil {
		return nil, err
	}
	d.Tools, err = tools.New(ctx, ToolsConfig(c, d.Engines, d.Audit, log))
	return d, err
}

// openAudit opens the audit log, makes its key when there is none, and begins to send its checkpoints on.
func (d *Deputy) openAudit() error {
	c := d.Config.Audit
	report := func(err error) { d.Log.Warn().Err(err).Msg("audit") }
	key, made, err := audit.LoadOrMakeKey(c.Key, audit.DefaultKeyName())
	if err != nil {
		return err
	}
	if made {
		d.Log.Info().Str("key", c.Key).Str("verifier", key.Verifier().String()).Msg("made a key that signs the audit log: give the verifier key to whoever audits")
	}
	d.Audit, err = audit.Open(audit.Config{Path: c.File, Key: key, Rotate: int64(c.Rotate), Keep: time.Duration(c.Keep), Report: report})
	if err != nil {
		return err
	}
	if c.Checkpoints.File == "" && c.Checkpoints.Webhook == "" {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	published := make(chan struct{})
	go func() {
		defer close(published)
		audit.Publish(ctx, d.Audit, audit.PublishConfig{File: c.Checkpoints.File, Webhook: string(c.Checkpoints.Webhook), Every: c.Checkpoints.Every, Report: report})
	}()
	d.stopPublishing = func() { stop(); <-published }
	return nil
}

// ToolsConfig is what the configuration means for package tools.
func ToolsConfig(c *config.Config, engines map[string]vending.Engine, recorder tools.Recorder, log zerolog.Logger) tools.Config {
	out := tools.Config{Audit: recorder, Log: log, Limits: tools.Limits{
		MaxRows: c.Limits.MaxRows, MaxBytes: int(c.Limits.MaxBytes), Timeout: c.Limits.Timeout, Concurrency: c.Limits.Concurrency,
	}}
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		p := c.Platforms[name]
		out.Platforms = append(out.Platforms, tools.PlatformConfig{
			Name: name, Description: p.Description, Engine: engines[name],
			Policies: c.Policies, Tags: c.Tags, Discoverable: p.Discoverable,
		})
	}
	return out
}

// Engines opens every platform's engine.
func Engines(c *config.Config) (map[string]vending.Engine, error) {
	engines := map[string]vending.Engine{}
	for name, p := range c.Platforms {
		e, err := open(p, c.Limits.Concurrency)
		if err != nil {
			closeAll(engines)
			return nil, fmt.Errorf("platform %s: %w", name, err)
		}
		engines[name] = e
	}
	return engines, nil
}

func open(p config.Platform, concurrency int) (vending.Engine, error) {
	switch p.Engine {
	case config.Postgres:
		return postgres.Open(postgres.Config{
			DSN: string(p.DSN), Schemas: p.Schemas, SigningKey: string(p.SigningKey), Functions: p.Functions, MaxConnections: concurrency + 1, // one for health checks
		})
	case config.SQLite:
		return sqlite.Open(sqlite.Config{Path: p.Path, Schema: p.Schema, HashKey: []byte(p.HashKey), MaxConcurrent: concurrency + 1})
	}
	return nil, fmt.Errorf("there is no engine %q", p.Engine)
}

// checkEngines refuses to start on a platform that is not set up. Calls would only fail one by one.
func (d *Deputy) checkEngines(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(d.Engines)) {
		findings, err := d.Engines[name].Check(ctx)
		if err != nil {
			problems = append(problems, fmt.Errorf("platform %s: %w", name, err))
		}
		for _, f := range findings {
			if f.Warning {
				d.Log.Warn().Str("platform", name).Msg(f.Text)
				continue
			}
			problems = append(problems, fmt.Errorf("platform %s: %s", name, f.Text))
		}
	}
	return errors.Join(problems...)
}

// MCP is what the transports need.
func (d *Deputy) MCP(version string) mcp.Config {
	issuers := []string{}
	for _, i := range d.Config.Identity.Issuers {
		issuers = append(issuers, i.URL)
	}
	return mcp.Config{
		Tools: d.Tools, Authenticator: d.Authenticator, Version: version, Logger: d.Log,
		PublicURL: d.Config.Server.PublicURL, Issuers: issuers, Ready: d.Ready,
		WriteTimeout: d.Config.Limits.Timeout + 30*time.Second, // the statement's time, and the answer's
	}
}

// Ready returns nil when a call could be answered.
func (d *Deputy) Ready(ctx context.Context) error {
	return errors.Join(d.Tools.Ready(ctx), d.Authenticator.Ready(ctx), d.Audit.Healthy())
}

// Close ends everything that New started.
func (d *Deputy) Close() error {
	closeAll(d.Engines)
	if d.Audit == nil {
		return nil
	}
	err := d.Audit.Close()
	if d.stopPublishing != nil { // after the last record
		d.stopPublishing()
	}
	return err
}

func closeAll(engines map[string]vending.Engine) {
	for _, e := range engines {
		e.Close()
	}
}
