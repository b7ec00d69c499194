// Package assembly puts the parts together as the configuration says: engines, policies, identity, audit. Every command
// and the demo run what is assembled here, so that what is tested is what is served.
package assembly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests/keeper"
	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/stops"
	"deputy/internal/budget"
	"deputy/internal/config"
	"deputy/internal/console"
	"deputy/internal/telemetry"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/mcp/limit"
	"deputy/mcp/stdio"
	"deputy/tools"
	"deputy/tools/desk"
	"deputy/tools/kept"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/sqlite"
)

// Deputy is everything that one configuration makes.
type Deputy struct {
	Config        *config.Config
	Engines       map[string]vending.Engine
	Tools         *tools.Tools
	Authenticator *oidc.Authenticator
	Audit         *AuditLog
	State         *keeper.Keeper // of access requests; nil: there is no rule for any
	Telemetry     *telemetry.Telemetry
	Log           zerolog.Logger
	Proofs        *oidc.Proofs // that were used; nil: none yet
	Stops         *stops.List  // beside the configuration; it outlives every change of the configuration

	keeps bool             // it is a server, which keeps the catalog file and serves what can be served
	added bool             // platforms were added to what the catalog file says
	now   func() time.Time // by which callers are believed and approvals end; nil: time.Now

	silence time.Duration // of a server: how long a platform or an issuer may be silent while the parts are put together
	inForce *Deputy       // of a server: what this one is to follow; nil: it is the first
}

// New starts the parts in the order in which they depend on each other. With an error, nothing stays open.
func New(ctx context.Context, c *config.Config, log zerolog.Logger) (*Deputy, error) {
	return NewAt(ctx, c, log, nil)
}

// NewAt is New by another clock, for stories in which time passes. The engines keep their own.
func NewAt(ctx context.Context, c *config.Config, log zerolog.Logger, now func() time.Time) (_ *Deputy, err error) {
	d := &Deputy{Config: c, Log: log, now: now}
	if d.Engines, err = Engines(c); err != nil {
		return nil, err
	}
	if err = d.assemble(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// assemble puts the parts together over the engines. An audit log that is open already stays the one, and so does the
// telemetry.
func (d *Deputy) assemble(ctx context.Context) error {
	if wrong := Ignored(d.Config); wrong != nil {
		return &config.Error{Problems: []config.Problem{*wrong}}
	}
	if wrong := QueryProblems(d.Config); len(wrong) > 0 {
		return &config.Error{Problems: wrong}
	}
	if !d.keeps {
		if err := d.checkEngines(ctx); err != nil {
			return err
		}
	}
	d.firstSight(ctx)
	registry := d.Config.Registry()
	if d.Stops == nil {
		d.Stops = stops.At(d.Config.StopsFile(), d.Log)
	}
	var err error
	options := oidc.Options{Audience: d.audience(), Proofs: d.Proofs, Stops: d.Stops, Now: d.now}
	if d.inForce != nil {
		options.Before = d.inForce.Authenticator
	}
	asked, cancel := ctx, func() {}
	if d.silence > 0 {
		asked, cancel = context.WithTimeout(ctx, d.silence)
	}
	d.Authenticator, err = oidc.New(asked, d.Config.Identity, registry, options)
	cancel()
	if err != nil {
		return d.Config.Located(err)
	}
	if d.Audit == nil {
		if d.Audit, err = openAudit(d.Config.Audit, d.Log, os.Stdout); err != nil {
			return err
		}
	}
	if d.Telemetry == nil {
		if d.Telemetry, err = telemetry.Start(ctx, d.Config.Telemetry, d.Log); err != nil {
			return err
		}
	}
	if err := d.openState(ctx); err != nil {
		return err
	}
	made := ToolsConfig(d.Config, d.Engines, d.Audit, d.Log)
	made.Begun = d.Audit.Begin
	made.Telemetry, made.Agents, made.Requests, made.Now = d.Telemetry.Telemetry, registry.Agents(), d.requests(), d.now
	made.Silence = d.silence
	for i := range made.Platforms {
		if p := &made.Platforms[i]; d.inForce != nil {
			p.Lasting, p.Known = d.inForce.lasting(p.Name), d.inForce.Engines[p.Name] == p.Engine
		}
	}
	d.Tools, err = tools.New(ctx, made)
	switch {
	case err != nil || !d.keeps:
		return err
	case d.inForce == nil:
		return d.nothingServed()
	}
	return d.loses(ctx, d.inForce)
}

// audience is what tokens for this server are made out to, where their issuer's section says nothing else.
func (d *Deputy) audience() string { return d.Config.Server.PublicURL + "/mcp" }

// ToolsConfig is what the configuration means for package tools.
func ToolsConfig(
	c *config.Config,
	engines map[string]vending.Engine,
	recorder tools.Recorder,
	log zerolog.Logger,
) tools.Config {
	out := tools.Config{
		Audit:      recorder,
		Log:        log,
		Purposes:   c.Purposes,
		Queries:    Queries(c),
		Version:    c.Version,
		Statements: kept.Statements(c.Audit.SQL),
		Pending:    time.Duration(c.Requests.Pending),
		Again:      time.Duration(c.Requests.Again),
		Limits: tools.Limits{
			MaxRows: c.Limits.MaxRows, Answer: c.Limits.Answer, MaxBytes: int(c.Limits.MaxBytes),
			Timeout:     c.Limits.Timeout,
			Concurrency: c.Limits.Concurrency,
			CallerShare: c.Limits.PerCaller.Concurrency,
			LockTimeout: c.Limits.LockTimeout,
		},
	}
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		p := c.Platforms[name]
		out.Platforms = append(out.Platforms, platforms.Config{
			Name: name, Description: p.Description, Engine: engines[name],
			Policies: c.Policies, Rules: c.Requests.Rules, Tags: c.Tags, Discoverable: p.Discoverable,
			Accepted: accepted(c, name), AcceptAll: c.Unseen(name), Inherit: p.Inherit,
		})
	}
	return out
}

// ServedPlatforms are the platforms as a server would serve them, without a recorder: what does not work is closed, and
// says why. Platforms without an engine are left out. It is for those who want to see all that is wrong at once.
func ServedPlatforms(
	ctx context.Context,
	c *config.Config,
	engines map[string]vending.Engine,
) ([]*platforms.Platform, error) {
	made := ToolsConfig(c, engines, nil, zerolog.Nop())
	there := slices.DeleteFunc(made.Platforms, func(p platforms.Config) bool { return p.Engine == nil })
	if len(there) == 0 {
		return nil, nil
	}
	for i := range there {
		there[i].Known = true // what is gone of the platform is said by its engine
	}
	return platforms.Serve(ctx, there, slices.Sorted(maps.Keys(c.Purposes)), zerolog.Nop(), startSilence)
}

// Platforms opens the configuration's platforms and compiles the policies for what they have, without a recorder:
// nothing can be asked of them. It is for administrators' commands; where the policies do not fit, the error is a
// *platforms.PolicyError.
func Platforms(
	ctx context.Context,
	c *config.Config,
	engines map[string]vending.Engine,
) ([]*platforms.Platform, error) {
	made := ToolsConfig(c, engines, nil, zerolog.Nop())
	return platforms.Open(ctx, made.Platforms, slices.Sorted(maps.Keys(c.Purposes)), zerolog.Nop())
}

// Ignored says which ignored argument cannot be ignored; nil: all can.
func Ignored(c *config.Config) *config.Problem {
	err := mcp.CheckIgnored(c.Server.IgnoredArguments)
	if err == nil {
		return nil
	}
	wrong := c.Problem("server.ignored_arguments", "%v", err)
	return &wrong
}

// Engines opens every platform's engine. Its error is a *config.Error.
func Engines(c *config.Config) (map[string]vending.Engine, error) {
	engines, wrong := OpenEngines(c)
	if len(wrong) > 0 {
		closeAll(engines)
		return nil, &config.Error{Problems: wrong}
	}
	return engines, nil
}

// OpenEngines opens those engines that can be opened, and says what is wrong with the others.
func OpenEngines(c *config.Config) (engines map[string]vending.Engine, problems []config.Problem) {
	engines = map[string]vending.Engine{}
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		p := c.Platforms[name]
		if file, err := os.Stat(p.Path); p.Engine == config.SQLite && (err != nil || file.IsDir()) {
			problems = append(problems, c.Problem("platforms."+name+".path", "there is no database file %s", p.Path))
			continue
		}
		e, err := open(p, c.Limits.Concurrency)
		if err != nil {
			problems = append(problems, c.Problem("platforms."+name, "%v", err))
			continue
		}
		engines[name] = e
	}
	return engines, problems
}

func open(p config.Platform, concurrency int) (vending.Engine, error) {
	switch p.Engine {
	case config.Postgres:
		return postgres.Open(postgres.Config{
			DSN: string(p.DSN), Schemas: p.Schemas, SigningKey: string(p.SigningKey),
			Functions: p.Functions, PolicyPath: p.PolicyPath, Extensions: p.Extensions,
			MaxConnections: concurrency + 1, // one for health checks
		})
	case config.SQLite:
		return sqlite.Open(
			sqlite.Config{Path: p.Path, Schema: p.Schema, HashKey: []byte(p.HashKey), MaxConcurrent: concurrency + 1},
		)
	}
	return nil, fmt.Errorf("there is no engine %q", p.Engine)
}

// checkEngines refuses to start on a platform that is not set up. Calls would only fail one by one.
func (d *Deputy) checkEngines(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var wrong config.Error
	for _, name := range slices.Sorted(maps.Keys(d.Engines)) {
		findings, err := d.Engines[name].Check(ctx)
		if err != nil {
			wrong.Problems = append(wrong.Problems, d.Config.Problem("platforms."+name, "%v", err))
		}
		for _, f := range findings {
			if f.Warning {
				d.Log.Warn().Str("platform", name).Msg(f.Text)
				continue
			}
			wrong.Problems = append(wrong.Problems, PlatformProblem(d.Config, name, f))
		}
	}
	if len(wrong.Problems) > 0 {
		return &wrong
	}
	return nil
}

// PlatformProblem puts what is wrong with a platform where the configuration says it.
func PlatformProblem(c *config.Config, platform string, f vending.Finding) config.Problem {
	key := "platforms." + platform
	if f.Key != "" {
		key += "." + f.Key
	}
	return c.Problem(key, "%s", f.Text)
}

// HTTP is what the HTTP server of a configuration that does not change needs.
func (d *Deputy) HTTP(version string) httpd.Config {
	return d.serving(version, mcp.Fixed(d.Tools, d.Authenticator), console.Config{
		Desk:   func(mcp.Generation) console.Desk { return desk.New(d.Tools) },
		People: func(mcp.Generation) console.People { return d.Authenticator },
		Logger: d.Log,
	})
}

// Stdio is the same over standard input and output. It lacks the credentials.
func (d *Deputy) Stdio(version string) stdio.Config {
	c := d.HTTP(version)
	return stdio.Config{Config: c.Config, Limits: c.Limits}
}

// serving is what the transports need, with what the generations answer.
func (d *Deputy) serving(version string, generations mcp.Generations, desk console.Config) httpd.Config {
	path, description := console.Description()
	return httpd.Config{
		Config: mcp.Config{
			Generations: generations,
			Stops:       d.Stops,
			Budget:      newBudget(d.Config.Limits),
			Telemetry:   d.Telemetry.Telemetry,
			Version:     version,
			Logger:      d.Log,

			IgnoredArguments: d.Config.Server.IgnoredArguments,
			Answers:          mcp.Copies(d.Config.Server.Answers),

			StateKey: stateKey(d.Config),
			Now:      d.now,
		},
		PublicURL: d.Config.Server.PublicURL,
		Limits:    func() limit.Limits { return Limits(d.Config.Limits) },
		Metadata:  d.metadata,
		Ready:     d.Ready,
		Proxies:   d.Config.Server.Proxies(),
		Routes:    []httpd.Route{console.API(desk)},
		Open:      map[string]http.Handler{path: description},
	}
}

// newBudget is the memory that all calls of a server share.
func newBudget(l config.Limits) *budget.Budget {
	return budget.New(cmp.Or(int64(l.Memory), budget.ProcessSize()))
}

// metadata is what hosts and people are told of where tokens come from.
func (d *Deputy) metadata() httpd.Metadata {
	return httpd.Metadata{Issuers: d.Issuers(), Scopes: d.Config.Identity.Scopes(), Login: d.Login()}
}

// Limits are what the configuration means for callers.
func Limits(l config.Limits) limit.Limits {
	return limit.Limits{
		Calls: l.AtOnce, CallerCalls: l.PerCaller.AtOnce, CallerPerMinute: l.PerCaller.PerMinute,
		AddressPerMinute: l.PerAddress.PerMinute, AddressUnproved: l.PerAddress.AtOnce,
	}
}

// Issuers are where callers get their tokens.
func (d *Deputy) Issuers() []string {
	urls := []string{}
	for _, i := range d.Config.Identity.Issuers {
		urls = append(urls, i.URL)
	}
	return urls
}

// Login is how people sign in with deputy login, for those who have no configuration. A client secret is not in it.
func (d *Deputy) Login() []identity.Offer { return d.Config.Identity.Offers() }

// Ready returns nil when a call could be answered: from one platform at least, and for the users of one issuer.
func (d *Deputy) Ready(ctx context.Context) error {
	return errors.Join(d.Tools.Ready(ctx), d.issuersReady(ctx), d.Audit.Healthy())
}

// Close ends everything that New started. Calls that still run are on the record before their databases are closed.
func (d *Deputy) Close() error {
	if d.Audit != nil {
		d.Audit.CutOff()
	}
	closeAll(d.Engines)
	if d.State != nil {
		d.State.Close()
	}
	if d.Telemetry != nil {
		d.Telemetry.Close()
	}
	if d.Audit == nil {
		return nil
	}
	return d.Audit.Close()
}

func closeAll(engines map[string]vending.Engine) {
	for _, e := range engines {
		e.Close()
	}
}
