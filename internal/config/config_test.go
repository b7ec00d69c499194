package config_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/expectation"
)

// env makes a getenv of NAME=value pairs.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if n, value, _ := strings.Cut(pair, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
}

const signingKey = "0123456789abcdef0123456789abcdef"

func TestTheCompleteFile(t *testing.T) {
	c, err := config.Load("testdata/complete.yaml", env("SHOP_PASSWORD=p${HOME}w: [", "SHOP_SIGNING_KEY="+signingKey))
	if err != nil {
		t.Fatal(err)
	}
	matchers := map[string]*entitlements.Matcher{}
	for _, p := range c.Policies {
		for key, m := range map[string]*entitlements.Matcher{"to": p.To, "require": p.Require, "for": p.For, "except": p.Except} {
			if m != nil {
				matchers[p.Name+"/"+key] = m
			}
		}
	}
	if len(matchers) != 5 {
		t.Errorf("of the 5 matchers %d were read", len(matchers))
	}
	want := &config.Config{
		Server: config.Server{
			Listen: "0.0.0.0:8443", PublicURL: "https://deputy.example.com", LogLevel: "warn", Answers: "text",
			TLS: config.TLS{
				Certificate: "testdata/tls/deputy.pem",
				Key:         "/etc/deputy/tls.key",
			}, TrustedProxies: []string{"10.0.0.0/8", "192.0.2.7"}, IgnoredArguments: []string{"x_trace"},
			Replicas: []string{"https://a.deputy.example.com:8443", "http://10.0.0.8:8080"},
			Drain:    8 * time.Second, Stop: 90 * time.Second},
		Identity: identity.Config{
			Issuers: []identity.IssuerConfig{
				{
					Name:           "corp",
					Kind:           identity.Generic,
					URL:            "https://id.example.com",
					Audience:       "https://deputy.example.com/mcp",
					TokenTypes:     []string{"at+jwt", "JWT"},
					Algorithms:     []string{"ES256"},
					Scopes:         identity.ScopesRequired,
					ScopePrefix:    "deputy:",
					AllowUserinfo:  true,
					StewardClients: []string{"stewards-console"},
					Claims: identity.ClaimsConfig{
						User:       []string{"tid", "oid"},
						Client:     []string{"azp"},
						Scopes:     []string{"scp"},
						Groups:     "roles",
						Name:       "display_name",
						Email:      "mail",
						Attributes: map[string]string{"region": "https://example.com/region"},
					},
					Login: identity.LoginConfig{
						ClientID:          "deputy-login",
						ClientSecret:      "hunter2",
						Scopes:            []string{"openid", "offline_access", "query"},
						RedirectPort:      8400,
						AudienceParameter: identity.ByAudience,
					},
					Introspection: &identity.IntrospectionConfig{
						URL:          "https://id.example.com/introspect",
						ClientID:     "deputy",
						ClientSecret: "p${HOME}w: [",
						Cache:        time.Minute,
					},
					DPoP: identity.DPoPRequired,
				},
			},
			Users: []identity.UserConfig{{ID: "taylor", Disabled: true, Groups: []string{"Marketing"},
				Attributes: map[string]identity.Values{"region": {"US-EAST"}, "cost_center": {"007", "12"}}}},
		},
		Agents: []identity.AgentConfig{
			{
				Name:        "marketing",
				Description: "The Marketing department's agent",
				Owner:       "marketing-it@example.com",
				Disabled:    true,
				ClientIDs:   []string{"marketing-agent"},
				Groups:      []string{"Agents"},
				Issuers:     []string{"corp"},
				Keys: []identity.KeyConfig{
					{SHA256: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752", Label: "ci",
						Expires: identity.Expiry{Time: time.Date(2027, 2, 23, 10, 0, 0, 0, time.UTC)}},
				},
				ActsFor: []string{
					"user:taylor",
					"group:Marketing",
					"attribute:region=US-EAST",
				},
				Limits:     identity.AgentLimits{Calls: 4, PerMinute: 120, MaxRows: 50, Answer: 4000},
				Attributes: map[string]identity.Values{"team": {"Marketing"}},
				Modes:      []identity.Mode{identity.OnBehalfOf},
			},
			{
				Name:       "pii-scanner",
				KeySHA256:  []string{"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
				Modes:      []identity.Mode{identity.Autonomous},
				MayRequest: true,
			},
		},
		Platforms: map[string]config.Platform{
			"shop": {
				Engine:      config.Postgres,
				Description: "Orders and customers",
				DSN:         "postgres://deputy_runner:p${HOME}w: [@db.example.com/shop",
				Schemas: []string{
					"sales",
					"lookup",
				},
				SigningKey:   signingKey,
				Functions:    []string{"sales.net_price"},
				Discoverable: entitlements.Selectors{"sales.*", "tag:Lookup"},
			},
			"demo": {Engine: config.SQLite, Path: "testdata/data/demo.db", Schema: "sales", HashKey: signingKey},
		},
		Tags: entitlements.Tags{
			{Name: "PII", Selectors: entitlements.Selectors{"sales.*.lastname", "sales.customers.email"}},
			{Name: "Lookup", Selectors: entitlements.Selectors{"lookup.*"}},
		},
		Policies: []entitlements.Policy{
			{
				Name:  "marketing reads sales",
				Grant: entitlements.Selectors{"sales.*"},
				To:    matchers["marketing reads sales/to"],
			},
			{
				Name:      "EU data stays in the EU",
				Platform:  "shop",
				Guardrail: entitlements.Selectors{"tag:EU"},
				Require:   matchers["EU data stays in the EU/require"],
			},
			{
				Name:   "hide personal data",
				Mask:   entitlements.Selectors{"tag:PII"},
				With:   &entitlements.Mask{Kind: entitlements.MaskHash},
				Except: matchers["hide personal data/except"],
			},
			{
				Name: "no money",
				Mask: entitlements.Selectors{"sales.orders.total"},
				With: &entitlements.Mask{Kind: entitlements.MaskNull},
				For:  matchers["no money/for"],
			},
			{
				Name:   "sellers see their own region",
				Filter: entitlements.Selectors{"sales.orders"},
				Where:  "region = any(:attribute.region) and note <> '${x}'",
				Except: matchers["sellers see their own region/except"],
			},
		},
		Purposes: map[string]string{
			"fraud-investigation": "Looking into a payment that was reported",
			"support":             "Answering a customer's question",
		},
		Tests: []expectation.Test{
			{
				Who: expectation.Who{Text: "taylor via marketing", User: "taylor", Agent: "marketing"},
				Clauses: []expectation.Clause{
					{
						Line:   lineOf(t, "sales.orders.total is masked"),
						Text:   "sales.orders.total is masked with null",
						Kind:   expectation.Masked,
						Table:  []string{"sales", "orders"},
						Column: "total",
						Mask:   "null",
					},
					{
						Line:  lineOf(t, "sales.orders.total is masked"),
						Text:  "sees 5 rows",
						Kind:  expectation.Sees,
						Table: []string{"sales", "orders"},
						Rows:  5,
					},
				},
			},
			{Who: expectation.Who{Text: "pii-scanner alone", Agent: "pii-scanner"}, Clauses: []expectation.Clause{
				{
					Line:  lineOf(t, "hr.people is denied"),
					Text:  "hr.people is denied",
					Kind:  expectation.Denied,
					Table: []string{"hr", "people"},
				},
			}},
			{
				Who: expectation.Who{
					Text:   "taylor (Legal, residency=EU) via marketing for support on shop",
					User:   "taylor",
					Groups: []string{"Legal"},
					Attributes: map[string]identity.Values{
						"residency": {"EU"},
					},
					Agent:    "marketing",
					Purpose:  "support",
					Platform: "shop",
				},
				Clauses: []expectation.Clause{
					{
						Line:   lineOf(t, "sales.orders.lastname is masked"),
						Text:   `sales.orders.lastname is masked by "hide personal data"`,
						Kind:   expectation.Masked,
						Table:  []string{"sales", "orders"},
						Column: "lastname",
						Policy: "hide personal data",
					},
					{
						Line:  lineOf(t, "sees no rows"),
						Text:  "sees no rows",
						Kind:  expectation.Sees,
						Table: []string{"sales", "orders"},
					},
					{
						Line:  lineOf(t, "sees no rows"),
						Text:  "via user",
						Kind:  expectation.Via,
						Table: []string{"sales", "orders"},
						Via:   "user",
					},
				},
			},
		},
		Catalog: config.Catalog{File: "testdata/reviewed/catalog.json"},

		Version: sha256Of(t, "testdata/complete.yaml")[:16],

		Audit: config.Audit{
			File:        "testdata/log/audit.jsonl",
			Key:         "testdata/log/audit.jsonl.key",
			Rotate:      64 << 20,
			Checkpoints: config.Checkpoints{Every: time.Minute},
			SQL:         "redacted",
			Sinks: []config.Sink{
				{Type: "stdout", Format: "ocsf", Queue: 10_000},
				{
					Type:     "postgres",
					Required: true,
					Format:   "native",
					Queue:    10_000,
					DSN:      "postgres://deputy_recorder@db.example.com/audit",
				},
				{Type: "syslog", Format: "native", Queue: 500, Address: "tcp://siem.example.com:601"},
				{
					Type:    "otlp",
					Format:  "native",
					Queue:   10_000,
					URL:     "https://collector.example.com:4318/v1/logs",
					Headers: map[string]config.Secret{"Authorization": "Bearer p${HOME}w: ["},
				},
			},
		},
		Limits: config.Limits{
			MaxRows:     500,
			Answer:      6000,
			MaxBytes:    1 << 20,
			Timeout:     90 * time.Second,
			LockTimeout: 2 * time.Second,
			Concurrency: 8,
			AtOnce:      100,
			Connections: 1000,
			PerCaller:   config.CallerPortion{PerMinute: 60, AtOnce: 4},
			PerAddress:  config.Portion{PerMinute: 6000, AtOnce: 16},
		},
		Telemetry: config.Telemetry{Prometheus: "0.0.0.0:9464", Readers: config.Anybody,
			OTLP: config.OTLP{Endpoint: "http://127.0.0.1:4318", Sample: 0.125}},
	}
	want.Requests = section(c.Requests.Rules)
	got, expected := reflect.ValueOf(c).Elem(), reflect.ValueOf(want).Elem()
	for i := range got.NumField() {
		if !got.Type().Field(i).IsExported() {
			continue
		}
		if !reflect.DeepEqual(got.Field(i).Interface(), expected.Field(i).Interface()) {
			t.Errorf("%s is read as\n%#v\nnot\n%#v", got.Type().Field(i).Name, got.Field(i), expected.Field(i))
		}
	}
}

// section is that of requests. That the rules are read as they are written, package requests tests.
func section(rules []requests.Rule) config.Requests {
	return config.Requests{
		State:   config.State{DSN: "postgres://deputy_state:p${HOME}w: [@db.example.com/state", Stale: 2 * time.Minute},
		Rules:   rules,
		Pending: config.Age(7 * 24 * time.Hour),
		Again:   config.Age(12 * time.Hour), Expiring: config.Age(30 * time.Minute),
		Webhooks: []config.Webhook{
			{
				Name:   "stewards",
				URL:    "https://hooks.example.com/p${HOME}w: [",
				Events: []string{"created", "decided"},
				Body:   "slack",
				Secret: "whsec_c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gc2lnbg==",
			},
		},
	}
}

// lineOf is the line of testdata/complete.yaml that a text stands on.
func lineOf(t *testing.T, text string) int {
	t.Helper()
	data, err := os.ReadFile("testdata/complete.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(data), text)
	if !ok {
		t.Fatalf("there is no %q in the complete file", text)
	}
	return 1 + strings.Count(before, "\n")
}

// sha256Of is what sha256sum prints.
func sha256Of(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func TestTheVersionIsThatOfTheBytes(t *testing.T) {
	text := completed("audit:\n")
	var versions []string
	for _, text := range []string{text, text, text + "# a comment counts\n"} {
		c, err := load(t, text, env())
		if err != nil {
			t.Fatal(err)
		}
		if files := c.Files(); len(files) != 2 || c.Version != sha256Of(t, files[0])[:16] {
			t.Errorf("the version of %q is %s", files, c.Version)
		}
		versions = append(versions, c.Version)
	}
	if versions[0] != versions[1] || versions[1] == versions[2] {
		t.Errorf("of two equal files and another one the versions are %q", versions)
	}
	with, _, err := loadBeside(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := loadBeside(t, `{"demo": {}}`)
	without, _ := load(t, completed(""), env())
	if err != nil || with.Version == other.Version || with.Version == without.Version {
		t.Errorf(
			"what was accepted is not in the version: %s, %s, %s (%v)",
			with.Version,
			other.Version,
			without.Version,
			err,
		)
	}
}

func TestEveryKeyHasItsLine(t *testing.T) {
	c, err := config.Load("testdata/complete.yaml", env("SHOP_PASSWORD=x", "SHOP_SIGNING_KEY="+signingKey))
	if err != nil {
		t.Fatal(err)
	}
	for key, line := range map[string]int{
		"tags.PII": lineOf(t, "PII: ["), "tags.PII[1]": lineOf(t, "PII: ["), "policies[0]": lineOf(t, "- name: marketing reads sales"),
		"policies[0].to": lineOf(t, "to: group:Marketing"), "policies[1].require.any[1]": lineOf(t, "require: {any"), "policies[1].when": lineOf(t, "- name: EU data"),
		"policies[4].except[1]": lineOf(t, "except: [group:HQ"), "platforms.shop.discoverable[1]": lineOf(t, "discoverable: ["), "nothing.of.the.kind": 2,
	} {
		if got := c.Line(key); got != line {
			t.Errorf("%s is on line %d, not %d", key, line, got)
		}
	}
}

// sections are the least a file needs.
var sections = []struct{ name, text string }{
	{"identity:", "identity: {issuers: [{url: https://id.example.com}]}\n"},
	{"agents:", "agents: [{name: marketing, client_ids: [marketing]}]\n"},
	{"platforms:", "platforms: {demo: {engine: sqlite, path: demo.db}}\n"},
}

// completed adds to a file the sections it needs and does not have, below its own lines.
func completed(text string) string {
	for _, s := range sections {
		if !strings.HasPrefix(text, s.name) && !strings.Contains(text, "\n"+s.name) {
			text = strings.TrimSuffix(text, "\n") + "\n" + s.text
		}
	}
	return text
}

// load writes a file and reads it. In errors, the file is called deputy.yaml.
func load(t testing.TB, text string, getenv func(string) (string, bool)) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, getenv)
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), path, "deputy.yaml"))
	}
	return c, err
}

func TestTheLeastFileGetsDefaults(t *testing.T) {
	c, err := load(t, completed("server:\ntags:\npolicies:\naudit:\nlimits:\n"), env())
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(c.Audit.File)
	if c.Audit.File != filepath.Join(folder, "deputy-audit.jsonl") ||
		c.Platforms["demo"].Path != filepath.Join(folder, "demo.db") {
		t.Errorf("files are not looked for beside the configuration: %q, %q", c.Audit.File, c.Platforms["demo"].Path)
	}
	if want := (config.Server{
		Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080", Drain: 5 * time.Second,
		LogLevel: "info", Answers: "both",
	}); !reflect.DeepEqual(c.Server, want) {
		t.Errorf("the server's defaults are %+v", c.Server)
	}
	if schema := c.Platforms["demo"].Schema; schema != "data" {
		t.Errorf("the tables of a SQLite file are in schema %q by default", schema)
	}
	want := config.Limits{
		MaxRows: 200, Answer: 8000, MaxBytes: 4 << 20,
		Timeout: 30 * time.Second, LockTimeout: 2 * time.Second, Concurrency: 32,
		AtOnce: 512, Connections: 4096,
		PerCaller:  config.CallerPortion{PerMinute: 60_000, AtOnce: 128},
		PerAddress: config.Portion{PerMinute: 120_000, AtOnce: 256},
	}
	if c.Limits != want {
		t.Errorf("the limits' defaults are %+v", c.Limits)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	c, err := config.Load("testdata/complete.yaml", env("SHOP_PASSWORD=hunter2", "SHOP_SIGNING_KEY="+signingKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text := fmt.Sprintf(format, c.Platforms)
		if strings.Contains(text, "hunter2") || strings.Contains(text, signingKey) ||
			strings.Contains(text, fmt.Sprintf("%x", signingKey)) {
			t.Errorf("printing the configuration with %s shows a secret: %s", format, text)
		}
	}
}

func TestServerOnAnotherAddress(t *testing.T) {
	loopback := config.Server{Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080", LogLevel: "info"}
	named := config.Server{Listen: "127.0.0.1:8080", PublicURL: "https://deputy.example.com", LogLevel: "info"}
	for _, c := range []struct {
		server      config.Server
		listen, url string
		says        string
	}{
		{server: loopback, listen: "127.0.0.1:9090", url: "http://127.0.0.1:9090"},
		{server: loopback, listen: "[::1]:0", url: "http://[::1]:0"},
		{server: named, listen: ":8443", url: "https://deputy.example.com"},
		{server: loopback, listen: ":8443", says: "--listen :8443: server.public_url: missing: other machines can reach the server, so it must say by which URL they call it"},
		{server: loopback, listen: "8443", says: "--listen 8443: server.listen: not an address with a port: write 127.0.0.1:8080"},
	} {
		got, err := c.server.On(c.listen)
		if c.says != "" {
			if err == nil || err.Error() != c.says {
				t.Errorf("listening on %s is answered with\n%v\nnot\n%s", c.listen, err, c.says)
			}
			continue
		}
		if err != nil || got.Listen != c.listen || got.PublicURL != c.url {
			t.Errorf("listening on %s makes %+v of %+v (%v)", c.listen, got, c.server, err)
		}
	}
}
