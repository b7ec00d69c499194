package config

import (
	"cmp"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/mistake"
)

// minSecret is the length of the shortest key that signs or hashes, in characters.
const minSecret = 32

// Nobody needs more than this, and a slip of the keyboard should not take the server's memory.
const (
	mostRows        = 1_000_000
	mostBytes       = 256 << 20
	mostTime        = 10 * time.Minute
	mostConcurrency = 1000
	mostAtOnce      = 100_000
	mostPerMinute   = 10_000_000

	leastSegment = 64 << 10
	mostSegment  = 1 << 30
	leastKept    = 24 * time.Hour
)

var (
	platformName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	purposeName  = regexp.MustCompile(`^[a-z0-9-]+$`)
	bareVariable = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`) // as a shell takes it
	functionName = regexp.MustCompile(`^[^.\s]+\.[^.\s]+$`)
)

// checker collects what is wrong with the meaning of a file whose form is right.
type checker struct {
	*problems
	written map[string]place
}

// say adds a problem of a key; a key that is not there stands where the one around it does.
func (c *checker) say(key, format string, args ...any) {
	c.add(nearest(c.written, key).line, key, format, args...)
}

// nearest is the place of a key, or of the one around it that is there.
func nearest(written map[string]place, key string) place {
	for {
		if at, ok := written[key]; ok || key == "" {
			return at
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
}

// wrote reports whether a key stands in the file.
func (c *checker) wrote(key string) bool {
	_, there := c.written[key]
	return there
}

// shown is a value as it is written in the file, variables unreplaced.
func (c *checker) shown(key string) string { return strconv.Quote(c.written[key].text) }

func (c *checker) oneOf(key, value string, known ...string) {
	if !slices.Contains(known, value) {
		c.say(key, "%s is not one of %s%s", c.shown(key), strings.Join(known, ", "), mistake.Hint(c.written[key].text, known))
	}
}

// check also gets the file as it is written, variables unreplaced.
func (c *Config) check(k *checker, asWritten *Config) {
	c.Server.check(k)
	c.checkAgents(k)
	c.checkPlatforms(k)
	for i, p := range c.Policies {
		c.checkPlatform(k, mistake.At("policies", i)+".platform", p.Platform)
		k.expression(mistake.At("policies", i)+".when", p.When)
		k.expression(mistake.At("policies", i)+".where", p.Where)
	}
	c.checkPurposes(k)
	c.Requests.check(k)
	for i, r := range c.Requests.Rules {
		c.checkPlatform(k, mistake.At("requests.rules", i)+".platform", r.Platform)
	}
	c.checkTests(k)
	if c.Catalog.File == "" {
		k.say("catalog.file", "there is no value: leave the key out for deputy-catalog.json beside this file")
	}
	c.Audit.check(k)
	c.Limits.check(k)
	c.Telemetry.check(k)
	c.checkElsewhere(k, asWritten)
}

// checkPlatform refuses the name of a platform that there is none of. Empty is not "every platform" when somebody wrote
// it.
func (c *Config) checkPlatform(k *checker, key, name string) {
	_, there := c.Platforms[name]
	if _, written := k.written[key]; written && !there {
		platforms := slices.Sorted(maps.Keys(c.Platforms))
		k.say(
			key,
			"there is no platform %s%s (known: %s)",
			k.shown(key),
			mistake.Hint(k.written[key].text, platforms),
			strings.Join(platforms, ", "),
		)
	}
}

func (a Audit) check(k *checker) {
	if a.File == "" {
		k.say("audit.file", "there is no value: without an audit log nobody gets any rows")
	}
	if a.Rotate < leastSegment || a.Rotate > mostSegment {
		k.say("audit.rotate", "out of range: it may be from 64KiB to 1GiB")
	}
	if a.Keep > 0 && time.Duration(a.Keep) < leastKept {
		k.say("audit.keep", "too short: it may be 1d or more, or left out to keep all")
	}
	if a.Checkpoints.Every <= 0 {
		k.say("audit.checkpoints.every", "out of range: it may be more than 0s")
	}
	if hook := string(a.Checkpoints.Webhook); hook != "" {
		u, err := url.Parse(hook)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			k.say("audit.checkpoints.webhook", "not a URL: write https://keeper.example.com/deputy")
		}
	}
	k.oneOf("audit.sql", a.SQL, "full", "redacted", "digest")
	for i, s := range a.Sinks {
		s.check(k, mistake.At("audit.sinks", i))
	}
}

// checkAgents leaves each single agent to package identity.
func (c *Config) checkAgents(k *checker) {
	if len(c.Agents) == 0 {
		k.say("agents", "missing: nobody could call")
	}
	if len(c.Identity.Issuers) > 0 {
		return
	}
	for i, a := range c.Agents {
		if len(a.Modes) == 0 || slices.Contains(a.Modes, identity.OnBehalfOf) {
			k.say(
				"identity.issuers",
				"missing: %s acts on behalf of users, and no issuer says who they are",
				mistake.At("agents", i),
			)
			return
		}
	}
}

func (c *Config) checkPlatforms(k *checker) {
	if len(c.Platforms) == 0 {
		k.say("platforms", "missing: there is nothing to ask")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		key, p := mistake.Below("platforms", name), c.Platforms[name]
		if !platformName.MatchString(name) {
			k.say(key, "a platform's name is made of a-z, 0-9 and -, and starts with a letter or digit")
		}
		switch p.Engine {
		case Postgres:
			p.checkPostgres(k, key)
		case SQLite:
			p.checkSQLite(k, key, keyed(c.Policies, name))
		case "":
			k.say(key+".engine", "missing: write postgres or sqlite")
		default:
			k.oneOf(key+".engine", p.Engine, Postgres, SQLite)
		}
	}
}

func (c *Config) checkPurposes(k *checker) {
	for _, name := range slices.Sorted(maps.Keys(c.Purposes)) {
		key := mistake.Below("purposes", name)
		if !purposeName.MatchString(name) {
			k.say(key, "a purpose's name is made of a-z, 0-9 and -")
		}
		if strings.TrimSpace(c.Purposes[name]) == "" {
			k.say(key, "there is no value: say what it means, for the model to know when it is true")
		}
	}
}

func (p Platform) checkPostgres(k *checker, key string) {
	k.foreign(key, "sqlite", "path", "schema", "hash_key")
	if p.DSN == "" {
		k.say(key+".dsn", "missing: how deputy_runner connects, such as postgres://deputy_runner@localhost/sales")
	}
	if len(p.Schemas) == 0 {
		k.say(key+".schemas", "missing: which schemas are governed")
	}
	k.unique(key+".schemas", p.Schemas)
	k.secret(key+".signing_key", string(p.SigningKey), "sign what the database lets in")
	for i, f := range p.Functions {
		if !functionName.MatchString(f) {
			k.say(mistake.At(key+".functions", i), "write schema.function")
		}
	}
	k.unique(key+".functions", p.Functions)
	for i, s := range p.PolicyPath {
		if strings.HasPrefix(s, "$") || strings.HasPrefix(s, "pg_temp") || s == "deputy" || s == "information_schema" {
			k.say(
				mistake.At(key+".policy_path", i),
				"it cannot be on the path: name schemas of the database, with those of extensions",
			)
		}
	}
	k.unique(key+".policy_path", p.PolicyPath)
	k.unique(key+".extensions", p.Extensions)
}

func (p Platform) checkSQLite(k *checker, key, purpose string) {
	k.foreign(key, "postgres", "dsn", "schemas", "signing_key", "functions", "policy_path", "extensions")
	if p.Path == "" {
		k.say(key+".path", "missing: where the database file is")
	}
	if _, written := k.written[key+".hash_key"]; written || purpose != "" {
		k.secret(key+".hash_key", string(p.HashKey), cmp.Or(purpose, "masks hash with"))
	}
}

// keyed says what on the platform needs a key that outlives the process, if anything does: with another one, equal
// values would have other masks and a sample other rows after each start.
func keyed(policies []entitlements.Policy, platform string) string {
	for i, p := range policies {
		switch {
		case p.Platform != "" && p.Platform != platform:
		case p.With != nil && (p.With.Kind == entitlements.MaskHash || p.With.Kind == entitlements.MaskFormatPreserving):
			return mistake.At("policies", i) + " hashes with"
		case p.Sample != nil:
			return mistake.At("policies", i) + " draws its sample with"
		}
	}
	return ""
}

// foreign refuses keys that belong to the other engine: they would be without effect.
func (c *checker) foreign(key, engine string, names ...string) {
	for _, name := range names {
		if _, written := c.written[key+"."+name]; written {
			c.say(key+"."+name, "only a platform with engine %s has it", engine)
		}
	}
}

func (c *checker) secret(key, value, purpose string) {
	switch {
	case bareVariable.MatchString(c.written[key].text):
		c.say(key, "a variable stands in braces: write ${NAME}")
	case value == "":
		c.say(key, "missing: %d random characters or more that %s (openssl rand -hex 32 makes them)", minSecret, purpose)
	case len([]rune(value)) < minSecret:
		c.say(key, "too short: it needs %d random characters or more (openssl rand -hex 32 makes them)", minSecret)
	}
}

// expression refuses an empty one, which would mean something else than none.
func (c *checker) expression(key, value string) {
	if _, written := c.written[key]; written && value == "" {
		c.say(key, "it is empty: write an expression")
	}
}

func (c *checker) unique(key string, values []string) {
	for i, v := range values {
		if v == "" {
			c.say(mistake.At(key, i), "there is no value")
		} else if slices.Contains(values[:i], v) {
			c.say(mistake.At(key, i), "it is there twice")
		}
	}
}

// check keeps metrics on this machine unless somebody wrote that they may leave it: nobody is asked who they are there.
func (t Telemetry) check(k *checker) {
	k.oneOf("telemetry.readers", t.Readers, ThisMachine, Anybody)
	if t.Prometheus != "" {
		host, ok := splitAddress(t.Prometheus)
		switch {
		case !ok:
			k.say("telemetry.prometheus", "not an address with a port: write 127.0.0.1:9464")
		case !isLoopback(host) && t.Readers != Anybody:
			k.say(
				"telemetry.prometheus",
				"other machines can reach it, and nobody is asked who they are: listen on 127.0.0.1, or write readers: anybody beside it",
			)
		}
	}
	if t.OTLP.Endpoint == "" {
		return
	}
	u, err := url.Parse(t.OTLP.Endpoint)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		k.say("telemetry.otlp.endpoint", "not a URL: write http://127.0.0.1:4318")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		k.say(
			"telemetry.otlp.endpoint",
			"a scheme, a host and a path is all it may have: /v1/traces and /v1/metrics are added to it, and credentials stand in OTEL_EXPORTER_OTLP_HEADERS",
		)
	}
}
