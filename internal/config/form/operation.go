package form

import "deputy/entitlements"

// The sections about running Deputy.

// The files that Deputy keeps beside the configuration.
const (
	CatalogFile = "deputy-catalog.json"
	StateFile   = "deputy-state.db"
)

const (
	platformName = `[a-z0-9][a-z0-9-]*`
	purposeName  = `[a-z0-9-]+`
	httpURL      = `https?://[^/?#@]+(/[^?#]*)?`
	hostAndPort  = `.*:[0-9]{1,5}`
)

var server = &Section{
	Name: "Server", Doc: "Where deputy serve listens, and how other machines call it.",
	Keys: []Key{
		{Name: "listen", Kind: pattern("host:port", hostAndPort), Default: "127.0.0.1:8080",
			Doc: "The address that deputy serve listens on."},
		{Name: "public_url", Kind: pattern("URL", `https?://[^/?#@]+/*`),
			Without: "http://<listen>, or https:// with tls; on a loopback address only",
			Doc:     "The URL by which clients call the server, without a path."},
		{Name: "tls", Kind: section(tls), Without: "plain HTTP, for a proxy on the same machine",
			Doc: "The certificate that the server shows."},
		{Name: "trusted_proxies", Kind: distinct(list(text)), Without: "nobody's",
			Doc: "The addresses and networks (10.0.0.0/8) whose X-Forwarded-For is believed."},
		{Name: "replicas", Kind: distinct(list(text)), Without: "this server alone",
			Doc: "The base URLs of all servers that run on this configuration, each by an address of its own."},
		{Name: "drain", Kind: duration.between(0, 300e9, "from 0s to 5m"), Default: "5s",
			Doc: "How long the port stays open after SIGTERM while /readyz fails, if it was asked in the last minute."},
		{Name: "stop", Kind: duration.between(1, 600e9, "more than 0s, up to 10m"), Without: "limits.timeout",
			Doc: "How long running calls get to end after that, before they are cancelled and recorded as that."},
		{Name: "ignored_arguments", Kind: distinct(list(pattern("name", `[A-Za-z_][A-Za-z0-9_.-]{0,63}`))),
			Without: "only those that hosts are known to add",
			Doc:     "Arguments that hosts add to calls beside toolCallId and its like. They are ignored and counted."},
		{Name: "answers", Kind: oneOf("both", "structured", "text"), Default: "both",
			Doc: "Which copies of an answer are sent. A client that says in deputy/answers what it reads is sent that."},
		{Name: "log_level", Kind: oneOf("debug", "info", "warn", "error"), Default: "info",
			Doc: "The least level that is logged."},
	},
}

var tls = &Section{
	Name: "TLS", Doc: "The certificate that deputy serve shows. New files are taken up without a restart.",
	Keys: []Key{
		{Name: "certificate", Kind: text, Doc: "The file with the certificate and those above it, in PEM."},
		{Name: "key", Kind: text, Doc: "The file with the certificate's private key, in PEM."},
	},
}

var catalog = &Section{
	Name: "Catalog", Doc: "The file that keeps what an administrator has looked at in the databases. deputy catalog accept writes it.",
	Keys: []Key{
		{Name: "file", Kind: text, Default: CatalogFile,
			Doc:     "The path of the catalog file, beside the configuration unless it is absolute.",
			Missing: "there is no value: leave the key out for deputy-catalog.json beside this file"},
	},
}

var auditSection = &Section{
	Name: "Audit", Doc: "Where the audit log is, and how long it is kept.",
	Keys: []Key{
		{Name: "file", Kind: nonEmpty(""), Default: "deputy-audit.jsonl",
			Doc:     "The path of the audit log, beside the configuration unless it is absolute.",
			Missing: "there is no value: without an audit log nobody gets any rows"},
		{Name: "key", Kind: text, Without: "<file>.key, made when it is not there",
			Doc: "The file of the key that signs the log."},
		{Name: "rotate", Kind: size.between(64<<10, 1<<30, "from 64KiB to 1GiB"), Default: "64MiB",
			Doc: "The size at which a segment of the log is sealed."},
		{Name: "keep", Kind: age, Without: "for ever", Doc: "How long a sealed segment is kept."},
		{Name: "checkpoints", Kind: section(checkpoints), Without: "nowhere",
			Doc: "Where the log's checkpoints are sent, so that a rewritten log is noticed."},
		{Name: "sql", Kind: oneOf("full", "redacted", "digest"), Default: "full",
			Doc: "What of a statement is recorded: full, redacted (without values) or digest (its SHA-256)."},
		{Name: "sinks", Kind: sections(sinkSection), Doc: "Receivers that are given each record beside the file."},
	},
}

var checkpoints = &Section{
	Name: "Checkpoints", Doc: "A second place for the checkpoints of the audit log, best one that this machine cannot change.",
	Keys: []Key{
		{Name: "file", Kind: text, Doc: "The file that each checkpoint is appended to."},
		{Name: "webhook", Kind: secret(text), Doc: "The URL that each checkpoint is sent to with POST."},
		{Name: "every", Kind: duration.between(1, 0, "more than 0s"), Default: "1m", Doc: "How often a checkpoint is made."},
	},
}

var sinkSection = &Section{
	Name: "Sink", Doc: "One more receiver of the records. The file has them first.", Variant: "type",
	Keys: []Key{
		{Name: "type", Kind: oneOf("stdout", "postgres", "syslog", "otlp"),
			Missing: "missing: write one of stdout, postgres, syslog, otlp", Doc: "What kind of receiver it is."},
		{Name: "required", Kind: yes, Default: "false",
			Doc: "With true, no call is answered without this receiver. Otherwise records wait for it in memory, and are dropped when there are too many."},
		{Name: "format", Kind: oneOf("native", "ocsf"), Default: "native", Doc: "The form of the records."},
		{Name: "queue", Kind: number.between(1, 1_000_000, "from 1 to 1000000"), Default: "10000",
			Doc: "How many records wait for it at most."},
		{Name: "dsn", Kind: secret(text), Of: "postgres",
			Missing: "missing: how deputy_recorder connects, such as postgres://deputy_recorder@localhost/audit",
			Doc:     "The address of the database as deputy_recorder, as deputy bootstrap audit makes it."},
		{Name: "address", Kind: pattern("address", `unix:///.+|(tcp|udp)://[^/]+:[0-9]{1,5}`), Of: "syslog", Needed: true,
			Doc: "unix:///dev/log, tcp://host:601 or udp://host:514."},
		{Name: "url", Kind: secret(pattern("URL", `https?://.+`)), Of: "otlp", Needed: true,
			Doc: "The URL of the collector, such as https://collector.example.com:4318/v1/logs."},
		{Name: "headers", Kind: mapping(secret(text), "", ""), Of: "otlp", Doc: "Headers that go with each request."},
	},
}

const (
	mostAtOnce  = 100_000
	leastAnswer = 500
	mostAnswer  = 10_000_000
)

var limits = &Section{
	Name: "Limits", Doc: "The bounds of one call, and of how many there are at once.",
	Keys: []Key{
		{Name: "max_rows", Kind: number.between(1, 1_000_000, "from 1 to 1000000"), Default: "200",
			Doc: "The most rows in an answer. A call can ask for fewer."},
		{Name: "answer", Kind: number.between(leastAnswer, mostAnswer, "from 500 to 10000000"), Default: "8000",
			Doc: "How much of a model's context an answer may take, in tokens, for each of its two copies. " +
				"Fewer rows and shortened cells fit; the answer says what is left out."},
		{Name: "max_bytes", Kind: size.between(1, 256<<20, "from 1 to 256MiB"), Default: "4MiB",
			Doc: "The largest size of an answer, text and structured form together, as JSON."},
		{Name: "timeout", Kind: duration.between(1, 600e9, "more than 0s, up to 10m"), Default: "30s",
			Doc: "How long a statement may take in the database."},
		{Name: "lock_timeout", Kind: duration.between(1, 600e9, "more than 0s, up to 10m"), Default: "2s",
			Doc: "How long a statement waits for a lock in the database, in all."},
		{Name: "concurrency", Kind: number.between(1, 1000, "from 1 to 1000"), Default: "32",
			Doc: "How many calls run at once on each platform."},
		{Name: "at_once", Kind: number.between(1, mostAtOnce, "from 1 to 100000"), Default: "512",
			Doc: "How many calls of all callers run or wait for a platform."},
		{Name: "connections", Kind: number.between(1, mostAtOnce, "from 1 to 100000"), Default: "4096",
			Doc: "How many connections are open at once. The longest idle ones make room for new ones."},
		{Name: "memory", Kind: size.between(64<<10, 1<<40, "from 64KiB to 1TiB"),
			Without: "a quarter of GOMEMLIMIT or of what the container may use",
			Doc:     "How much memory analyses and answers take together. Who needs more waits, and then is too_busy."},
		{Name: "per_caller", Kind: section(callerPortion()),
			Doc: "What one agent may do for one user, or on its own."},
		{Name: "per_address", Kind: section(portion("AddressPortion", "120000", "256")),
			Doc: "What one network address (of IPv6, one /64) may do before it is known who calls."},
	},
}

// callerPortion is a portion, and a share of each platform.
func callerPortion() *Section {
	s := portion("CallerPortion", "60000", "128")
	s.Keys = append(s.Keys, Key{
		Name: "concurrency", Kind: number.between(1, 1000, "from 1 to 1000"), Without: "half of limits.concurrency",
		Doc: "How many of its calls run at once on each platform. More wait, and fewer run while few places are free.",
	})
	return s
}

// portion has the same keys for a caller and an address, and defaults of its own for each.
func portion(name, perMinute, atOnce string) *Section {
	return &Section{
		Name: name, Doc: "How much of the server one caller, or one address, may have.",
		Keys: []Key{
			{
				Name:    "per_minute",
				Kind:    number.between(1, 10_000_000, "from 1 to 10000000"),
				Default: perMinute,
				Doc:     "Requests in a minute, which may all come at once.",
			},
			{
				Name:    "at_once",
				Kind:    number.between(1, mostAtOnce, "from 1 to 100000"),
				Default: atOnce,
				Doc:     "Requests at once.",
			},
		},
	}
}

var telemetry = &Section{
	Name: "Telemetry", Doc: "Where traces and metrics go. They do not say who asked for what: that stands in the audit log, under the id that the trace has.",
	Keys: []Key{
		{Name: "prometheus", Kind: pattern("host:port", hostAndPort), Without: "nowhere",
			Doc: "The address where deputy serve answers /metrics."},
		{Name: "readers", Kind: oneOf("this-machine", "anybody"), Default: "this-machine", Doc: "Who may reach the metrics."},
		{Name: "otlp", Kind: section(otlp), Without: "nowhere", Doc: "Where an OpenTelemetry collector is."},
	},
}

var otlp = &Section{
	Name: "OTLP",
	Doc:  "An OpenTelemetry collector, which gets traces and metrics over HTTP. Its credentials stand in the environment variable OTEL_EXPORTER_OTLP_HEADERS.",
	Keys: []Key{
		{Name: "endpoint", Kind: pattern("URL", httpURL), Without: "none",
			Doc: "The URL of the collector, such as http://127.0.0.1:4318."},
		{Name: "sample", Kind: share, Default: "100%", Doc: "The share of the calls that are traced."},
	},
}

var requestsSection = &Section{
	Name: "Requests", Doc: "How more access is asked for, with the tool request_access, and who decides. Without a rule nothing can be asked for.",
	Keys: []Key{
		{Name: "state", Kind: section(state), Doc: "Where requests and decisions are kept."},
		{Name: "rules", Kind: sections(requestRule), Doc: "What may be asked for, and who decides."},
		{
			Name:    "pending",
			Kind:    age.between(1, 0, "more than 0s"),
			Default: "14d",
			Doc:     "How long a request waits for an answer.",
		},
		{Name: "again", Kind: age, Default: "1d", Doc: "How long after a denial the same is not asked for again."},
		{Name: "expiring", Kind: age, Default: "1h",
			Doc: "How long before its end an approved request is announced as expiring."},
		{Name: "webhooks", Kind: sections(webhookSection), Doc: "Receivers that are told of requests and decisions."},
	},
}

var state = &Section{
	Name: "State", Doc: "A database of Deputy's own: a SQLite file, or a PostgreSQL database that several servers share.",
	Keys: []Key{
		{Name: "file", Kind: text, Default: StateFile,
			Doc: "The path of the SQLite file, beside the configuration unless it is absolute."},
		{Name: "dsn", Kind: secret(text), Doc: "The address of the PostgreSQL database, instead of a file."},
		{Name: "stale", Kind: duration.between(10e9, 7*24*3600e9, "from 10s to 168h"), Default: "5m",
			Doc: "How long a server goes on without the list of stops in PostgreSQL. Then it refuses every call."},
	},
}

// WebhookEvents are the events that a webhook can be told of.
var WebhookEvents = []string{"created", "decided", "expiring", "expired", "revoked", "cancelled"}

var webhookSection = &Section{
	Name: "Webhook", Doc: "A receiver of what happens to requests. Messages are signed as Standard Webhooks describes it, and sent until the receiver has them.",
	Keys: []Key{
		{Name: "name", Kind: text, Missing: "missing: what logs call it, and by which it is remembered what it has",
			Doc: "The name of the webhook in logs. What it has been sent is remembered by the name."},
		{Name: "url", Kind: secret(text), Needed: true, Doc: "The URL that each message is sent to with POST."},
		{Name: "secret", Kind: secret(text), Needed: true,
			Doc: "The secret that signs: whsec_ and 24 to 64 bytes in base64."},
		{Name: "events", Kind: list(oneOf(WebhookEvents...)), Without: "all", Doc: "The events that it is told of."},
		{Name: "body", Kind: text, Without: "json", Doc: "json, slack, or a Go template that makes JSON."},
	},
}

var requestRule = &Section{
	Name: "RequestRule", Doc: "What may be asked for, by whom, and who decides. Every rule that covers a request has its say.",
	OneOf: []string{"approvers", "stages", "approve", "deny"}, NotBoth: []string{"approvers", "stages"},
	Keys: []Key{
		{Name: "name", Kind: nonEmpty(""), Needed: true, Doc: "A sentence of its own. Records and stewards see it."},
		{Name: "platform", Kind: text, Without: "every platform", Doc: "The only platform that the rule is about."},
		{Name: "about", Kind: selectors("Selectors"), Needed: true,
			Doc: "Tables that may be asked for, columns that may be asked for in the clear, or tags for both."},
		{Name: "except_about", Kind: selectors("Selectors"), Doc: "What of it may not be asked for."},
		{Name: "from", Kind: matcher, Without: "everyone", Doc: "Who may ask. A rule that is not for the asker says no."},
		{Name: "approvers", Kind: matcher, Doc: "The people of whom one has to approve: a short way to write one stage."},
		{Name: "stages", Kind: atLeastOne(sections(approvalStage)),
			Doc: "Groups of people who have to approve, one stage after the other."},
		{Name: "at_most", Kind: period, Without: "8h", Doc: "The longest time that access may be asked for."},
		{Name: "questions", Kind: sections(ruleQuestion), Doc: "What the asker has to say beside the reason."},
		{Name: "approve", Kind: section(automatically), Doc: "When the rule approves without asking a steward."},
		{Name: "deny", Kind: section(automatically), Doc: "When the rule denies without asking a steward."},
		{Name: "only_through_agent", Kind: yes, Default: "false",
			Doc: "With true, what is approved counts only through the agent that asked."},
	},
}

var approvalStage = &Section{
	Name: "ApprovalStage", Doc: "A group of people of whom some have to approve.",
	Keys: []Key{
		{Name: "approvers", Kind: matcher, Needed: true, Doc: "The people who may approve."},
		{Name: "need", Kind: headcount, Without: "1",
			Doc: "How many different people have to: a number, or all for one of each of the approvers in the list."},
	},
}

var ruleQuestion = &Section{
	Name: "RuleQuestion", Doc: "One more thing that the asker has to say.",
	Keys: []Key{
		{Name: "name", Kind: pattern("name", entitlements.QuestionName), Needed: true,
			Doc: "The name of the answer, made of a-z, 0-9 and _."},
		{Name: "ask", Kind: nonEmpty(""), Needed: true, Doc: "The question in words."},
	},
}

var automatically = &Section{
	Name: "Automatically", Doc: "When a rule decides by itself.",
	Keys: []Key{
		{Name: "when", Kind: matcher, Needed: true, Doc: "The askers for whom it does."},
		{Name: "up_to", Kind: period, Without: "at_most", Doc: "Of approve: the longest time that is approved so."},
	},
}
