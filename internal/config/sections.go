package config

import (
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
)

// The sections of the file as Go values. What each field means, and its default, stands at the key of the same name in
// package form.

// Server is where deputy serve listens and how the outside calls it.
type Server struct {
	Listen         string
	PublicURL      string
	TLS            TLS
	TrustedProxies []string
	Replicas       []string
	Drain          time.Duration
	Stop           time.Duration // 0: Limits.Timeout
	// IgnoredArguments are judged by mcp.CheckIgnored.
	IgnoredArguments []string
	Answers          string // both, structured or text
	LogLevel         string
}

// TLS is the certificate that deputy serve shows. New files are taken up without a restart.
type TLS struct {
	Certificate string
	Key         string
}

// The engines a platform can have.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Platform is one database that is governed.
type Platform struct {
	Engine       string
	Description  string
	Discoverable entitlements.Selectors
	Inherit      bool

	// For postgres.
	DSN        Secret
	Schemas    []string
	SigningKey Secret
	Functions  []string
	PolicyPath []string
	Extensions []string

	// For sqlite.
	Path    string
	Schema  string
	HashKey Secret
}

// Query is a statement that is run by its name.
type Query struct {
	Description string
	Parameters  map[string]QueryParameter
	Statements  map[string]string // by platform
}

// QueryParameter is what a caller of a query gives a value for.
type QueryParameter struct {
	Type        string
	List        bool
	Description string
	Values      []string
	Optional    bool
	Default     string
}

// Requests are how more access is asked for, with the tool request_access, and who decides. Without a rule, nothing can
// be asked for.
type Requests struct {
	State    State
	Rules    []requests.Rule
	Pending  Age
	Again    Age
	Expiring Age
	Webhooks []Webhook
}

// State is a database of Deputy's own: a SQLite file, or a PostgreSQL database where several servers share it.
type State struct {
	File  string
	DSN   Secret
	Stale time.Duration // How long calls go on without the stops that the state holds.
}

// Webhook is sent what happens to requests, signed as Standard Webhooks describes it, until it has it.
type Webhook struct {
	Name   string
	URL    Secret
	Secret Secret
	Events []string
	Body   string
}

// Catalog is where it is kept what of the databases somebody has looked at: see Baseline.
type Catalog struct {
	File string
}

// Audit is where the audit log is, and how long it is kept.
type Audit struct {
	File        string
	Key         string
	Rotate      Size
	Keep        Age
	Checkpoints Checkpoints
	SQL         string
	Sinks       []Sink
}

// The types that a sink can have.
const (
	Stdout     = "stdout"
	SyslogSink = "syslog"
	OTLPSink   = "otlp"
)

// Sink is one more place that records go to. The file has them first.
type Sink struct {
	Type     string
	Required bool
	Format   string
	Queue    int

	DSN     Secret
	Address string
	URL     Secret
	Headers map[string]Secret
}

// Checkpoints go to a second place, and best to one that this machine cannot change.
type Checkpoints struct {
	File    string
	Webhook Secret
	Every   time.Duration
}

// Limits bound one call, and how many there are at once.
type Limits struct {
	MaxRows     int
	Answer      int // tokens of each copy of an answer
	MaxBytes    Size
	Timeout     time.Duration
	LockTimeout time.Duration
	Concurrency int
	AtOnce      int
	Connections int
	Memory      Size // of all answers and analyses; zero: it follows from the process's limit

	PerCaller  CallerPortion
	PerAddress Portion
}

// CallerPortion is how much one caller may have.
type CallerPortion struct {
	PerMinute   int
	AtOnce      int
	Concurrency int // on each platform; zero: half of that of all
}

// Portion is how much of the server one address may have.
type Portion struct {
	PerMinute int
	AtOnce    int
}

// Telemetry is where traces and metrics go. There is nothing in them that says who asked for what: that is in the audit
// log, under the id that is in the trace.
type Telemetry struct {
	Prometheus string
	Readers    string
	OTLP       OTLP
}

// Who may reach the metrics.
const (
	ThisMachine = "this-machine"
	Anybody     = "anybody"
)

// OTLP is an OpenTelemetry collector, which gets traces and metrics over HTTP. What it wants to see of credentials
// stands in the environment variable OTEL_EXPORTER_OTLP_HEADERS.
type OTLP struct {
	Endpoint string
	Sample   Share
}
