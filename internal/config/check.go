package config

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/internal/mistake"
)

const leastKept = 24 * time.Hour

// check finds what the table of keys cannot say: what depends on other keys, or takes more than a pattern.
func (c *Config) check(k *form.Document) {
	c.Server.check(k)
	c.checkModes(k)
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		c.Platforms[name].check(k, mistake.Below("platforms", name), keyed(c.Policies, name))
	}
	for i := range c.Policies {
		c.checkPlatform(k, mistake.At("policies", i)+".platform", c.Policies[i].Platform)
	}
	c.Requests.check(k)
	for i := range c.Requests.Rules {
		c.checkPlatform(k, mistake.At("requests.rules", i)+".platform", c.Requests.Rules[i].Platform)
	}
	c.Audit.check(k)
	c.Telemetry.check(k)
	c.checkElsewhere(k)
}

// checkPlatform refuses the name of a platform that there is none of. Empty is not "every platform" when it is written.
func (c *Config) checkPlatform(k *form.Document, key, name string) {
	if _, there := c.Platforms[name]; k.Wrote(key) && !there {
		platforms := slices.Sorted(maps.Keys(c.Platforms))
		hint := mistake.Hint(k.Written(key), platforms)
		k.Say(key, "there is no platform %s%s (known: %s)", k.Shown(key), hint, strings.Join(platforms, ", "))
	}
}

func (a Audit) check(k *form.Document) {
	if a.Keep > 0 && time.Duration(a.Keep) < leastKept {
		k.Say("audit.keep", "too short: it may be 1d or more, or left out to keep all")
	}
	if hook := string(a.Checkpoints.Webhook); hook != "" {
		u, err := url.Parse(hook)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			k.Say("audit.checkpoints.webhook", "not a URL: write https://keeper.example.com/deputy")
		}
	}
	for i, s := range a.Sinks {
		s.check(k, mistake.At("audit.sinks", i))
	}
}

// checkModes leaves each single agent to package identity.
func (c *Config) checkModes(k *form.Document) {
	if len(c.Identity.Issuers) > 0 {
		return
	}
	for i, a := range c.Agents {
		if len(a.Modes) == 0 || slices.Contains(a.Modes, identity.OnBehalfOf) {
			at := mistake.At("agents", i)
			k.Say("identity.issuers", "missing: %s acts on behalf of users, and no issuer says who they are", at)
			return
		}
	}
}

func (p Platform) check(k *form.Document, key, purpose string) {
	for i, s := range p.PolicyPath {
		if strings.HasPrefix(s, "$") || strings.HasPrefix(s, "pg_temp") || s == "deputy" || s == "information_schema" {
			at := mistake.At(key+".policy_path", i)
			k.Say(at, "it cannot be on the path: name schemas of the database, with those of extensions")
		}
	}
	if p.Engine == SQLite && p.HashKey == "" && (purpose != "" || k.Wrote(key+".hash_key")) {
		k.Say(key+".hash_key", form.MissingSecret, cmp.Or(purpose, "masks hash with"))
	}
}

// keyed says what on the platform needs a key that outlives the process, if anything does: with another one, equal
// values would have other masks and a sample other rows after each start.
func keyed(policies []entitlements.Policy, platform string) string {
	for i, p := range policies {
		switch {
		case p.Platform != "" && p.Platform != platform:
		case p.With != nil && p.With.Kind.Keyed():
			return mistake.At("policies", i) + " hashes with"
		case p.Sample != nil:
			return mistake.At("policies", i) + " draws its sample with"
		}
	}
	return ""
}

// check keeps metrics on this machine unless the file says that they may leave it: their readers are not authenticated.
func (t Telemetry) check(k *form.Document) {
	if t.Prometheus != "" {
		host, ok := splitAddress(t.Prometheus)
		switch {
		case !ok:
			k.Say("telemetry.prometheus", "not an address with a port: write 127.0.0.1:9464")
		case !isLoopback(host) && t.Readers != Anybody:
			k.Say(
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
		k.Say("telemetry.otlp.endpoint", "not a URL: write http://127.0.0.1:4318")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		k.Say(
			"telemetry.otlp.endpoint",
			"a scheme, a host and a path is all it may have: /v1/traces and /v1/metrics are added to it, and credentials stand in OTEL_EXPORTER_OTLP_HEADERS",
		)
	}
}
