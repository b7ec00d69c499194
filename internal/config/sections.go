package config

import (
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
)

// The sections of the file, in its order. What the comments say is what editors show.

// Server is where deputy serve listens and how the outside calls it.
type Server struct {
	Listen string `yaml:"listen"` // host:port; default 127.0.0.1:8080
	// without a path; default http://<listen>, https:// with tls, on a loopback address only
	PublicURL string `yaml:"public_url"`
	TLS       TLS    `yaml:"tls"` // default: plain HTTP, for a proxy on the same machine
	// addresses and networks (10.0.0.0/8) whose X-Forwarded-For is believed; default nobody's
	TrustedProxies []string `yaml:"trusted_proxies"`
	// base URLs of all servers that run on this configuration, each by an address of its own; default this one
	Replicas []string `yaml:"replicas"`
	LogLevel string   `yaml:"log_level"` // debug, info, warn, error; default info
}

// TLS is the certificate that deputy serve shows. New files are taken up without a restart.
type TLS struct {
	Certificate string `yaml:"certificate"` // file with the certificate and those above it, in PEM
	Key         string `yaml:"key"`         // file with its private key, in PEM
}

// The engines a platform can have.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Platform is one database that is governed.
type Platform struct {
	Engine       string                 `yaml:"engine"`       // postgres or sqlite
	Description  string                 `yaml:"description"`  // for the model
	Discoverable entitlements.Selectors `yaml:"discoverable"` // tables that those may hear of who cannot read them
	// what closes the tables that a view is made of closes the view; default false
	Inherit bool `yaml:"inherit"`

	// For postgres.
	DSN        Secret   `yaml:"dsn"`         // of deputy_runner
	Schemas    []string `yaml:"schemas"`     // that are governed
	SigningKey Secret   `yaml:"signing_key"` // as given to deputy bootstrap
	// schema.name of those that statements and policies may call beside the built-in ones
	Functions []string `yaml:"functions"`
	// schemas that names in policies' SQL are looked up in; default pg_catalog and those of installed extensions
	PolicyPath []string `yaml:"policy_path"`
	// installed ones that statements may use beside the well-known, as far as they only compute
	Extensions []string `yaml:"extensions"`

	// For sqlite.
	Path    string `yaml:"path"`     // of the database file
	Schema  string `yaml:"schema"`   // what the tables are called before the dot; default data
	HashKey Secret `yaml:"hash_key"` // 32 random characters or more, for hash, format_preserving and sample
}

// Requests are how more access is asked for, with the tool request_access, and who decides. Without a rule, nothing can
// be asked for.
type Requests struct {
	State   State           `yaml:"state"`   // where requests and what was decided are kept
	Rules   []requests.Rule `yaml:"rules"`   // what may be asked for, and who decides
	Pending Age             `yaml:"pending"` // how long a request waits for an answer; default 14d
	// how long after a denial the same is not asked for again; default 1d
	Again Age `yaml:"again"`
	// how long before its end an approved request is announced as expiring; default 1h
	Expiring Age       `yaml:"expiring"`
	Webhooks []Webhook `yaml:"webhooks"` // who is told of requests and decisions
}

// State is a database of Deputy's own: a SQLite file, or a PostgreSQL database where several servers share it.
type State struct {
	File string `yaml:"file"` // of SQLite; default deputy-state.db beside the configuration
	DSN  Secret `yaml:"dsn"`  // of PostgreSQL, instead of a file
}

// Webhook is sent what happens to requests, signed as Standard Webhooks describes it, until it has it.
type Webhook struct {
	Name   string   `yaml:"name"`   // in logs, and to remember what it has
	URL    Secret   `yaml:"url"`    // that each message is sent to with POST
	Secret Secret   `yaml:"secret"` // that signs: whsec_ and 24 to 64 bytes in base64
	Events []string `yaml:"events"` // created, decided, expiring, expired, revoked, cancelled; default all
	Body   string   `yaml:"body"`   // json, slack, or a Go template that makes JSON; default json
}

// Catalog is where it is kept what of the databases somebody has looked at: see Baseline.
type Catalog struct {
	File string `yaml:"file"` // default deputy-catalog.json beside the configuration; written by deputy catalog accept
}

// Audit is where the audit log is, and how long it is kept.
type Audit struct {
	File string `yaml:"file"` // default deputy-audit.jsonl beside the configuration
	// file of the key that signs it; default <file>.key, made when it is not there
	Key    string `yaml:"key"`
	Rotate Size   `yaml:"rotate"` // at which size a segment is sealed; default 64MiB
	Keep   Age    `yaml:"keep"`   // how long a sealed segment is kept; default: for ever
	// where the log's checkpoints are sent, so that nobody can rewrite it unnoticed
	Checkpoints Checkpoints `yaml:"checkpoints"`
	// what of a statement is recorded: full, redacted (no values) or digest (its SHA-256); default full
	SQL   string `yaml:"sql"`
	Sinks []Sink `yaml:"sinks"` // who is given each record beside the file
}

// The types that a sink can have.
const (
	Stdout     = "stdout"
	SyslogSink = "syslog"
	OTLPSink   = "otlp"
)

// Sink is one more place that records go to. The file has them first.
type Sink struct {
	Type string `yaml:"type"` // stdout, postgres, syslog or otlp
	// without it nothing is answered; default false: records wait for it in memory, and are dropped when there are too
	// many
	Required bool   `yaml:"required"`
	Format   string `yaml:"format"` // native or ocsf; default native
	Queue    int    `yaml:"queue"`  // records that wait for it at most; default 10000

	DSN     Secret            `yaml:"dsn"`     // for postgres: of deputy_recorder, as deputy bootstrap audit makes it
	Address string            `yaml:"address"` // for syslog: unix:///dev/log, tcp://host:601 or udp://host:514
	URL     Secret            `yaml:"url"`     // for otlp: https://collector.example.com:4318/v1/logs
	Headers map[string]Secret `yaml:"headers"` // for otlp: that go with each request
}

// Checkpoints go to a second place, and best to one that this machine cannot change.
type Checkpoints struct {
	File    string        `yaml:"file"`    // appended to
	Webhook Secret        `yaml:"webhook"` // each is sent there with POST
	Every   time.Duration `yaml:"every"`   // default 1m
}

// Limits bound one call, and how many there are at once.
type Limits struct {
	MaxRows     int           `yaml:"max_rows"`    // in an answer; default 1000
	MaxBytes    Size          `yaml:"max_bytes"`   // of an answer; default 4MiB
	Timeout     time.Duration `yaml:"timeout"`     // of a statement in the database; default 30s
	Concurrency int           `yaml:"concurrency"` // calls at once on each platform; default 32
	AtOnce      int           `yaml:"at_once"`     // calls that run or wait for a platform, by everybody; default 512
	Connections int           `yaml:"connections"` // open at once; the quietest make room for new ones; default 4096

	PerCaller Portion `yaml:"per_caller"` // what one agent may do for one user, or on its own
	// what one network address may do before it is known who calls; of IPv6, one /64
	PerAddress Portion `yaml:"per_address"`
}

// Portion is how much of the server one caller, or one address, may have.
type Portion struct {
	// requests, a minute's worth of them at once; default 60000 of a caller, 120000 of an address
	PerMinute int `yaml:"per_minute"`
	AtOnce    int `yaml:"at_once"` // requests; default 128 of a caller, 256 of an address
}

// Telemetry is where traces and metrics go. There is nothing in them that says who asked for what: that is in the audit
// log, under the id that is in the trace.
type Telemetry struct {
	Prometheus string `yaml:"prometheus"` // host:port where deputy serve answers /metrics; default nowhere
	Readers    string `yaml:"readers"`    // who may reach that: this-machine or anybody; default this-machine
	OTLP       OTLP   `yaml:"otlp"`       // where an OpenTelemetry collector is; default nowhere
}

// Who may reach the metrics.
const (
	ThisMachine = "this-machine"
	Anybody     = "anybody"
)

// OTLP is an OpenTelemetry collector, which gets traces and metrics over HTTP. What it wants to see of credentials
// stands in the environment variable OTEL_EXPORTER_OTLP_HEADERS.
type OTLP struct {
	Endpoint string `yaml:"endpoint"` // of the collector, such as http://127.0.0.1:4318; default none
	Sample   Share  `yaml:"sample"`   // of the calls that are traced; default 100%
}
