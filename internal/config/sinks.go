package config

import (
	"maps"
	"slices"

	"deputy/audit/sink"
	"deputy/internal/mistake"
)

// mostQueued keeps what waits for a sink out of the server's way.
const mostQueued = 1_000_000

// sinkKeys are the keys that only a sink of one type has. It must have the first.
var sinkKeys = map[string][]string{
	Stdout:     nil,
	Postgres:   {"dsn"},
	SyslogSink: {"address"},
	OTLPSink:   {"url", "headers"},
}

func (s Sink) check(k *checker, key string) {
	types := []string{Stdout, Postgres, SyslogSink, OTLPSink}
	if s.Type == "" {
		k.say(key+".type", "missing: write one of stdout, postgres, syslog, otlp")
		return
	}
	if k.oneOf(key+".type", s.Type, types...); !slices.Contains(types, s.Type) {
		return
	}
	k.oneOf(key+".format", s.Format, slices.Sorted(maps.Keys(sink.Formats))...)
	if s.Queue < 1 || s.Queue > mostQueued {
		k.say(key+".queue", "out of range: it may be from 1 to 1000000")
	}
	for _, other := range types {
		for _, name := range sinkKeys[other] {
			if _, written := k.written[key+"."+name]; written && other != s.Type {
				k.say(key+"."+name, "only a sink with type %s has it", other)
			}
		}
	}
	s.checkWhere(k, key)
}

// checkWhere is about where the records go. What the sinks' own errors say has nothing of the value in it.
func (s Sink) checkWhere(k *checker, key string) {
	var err error
	where := key + "."
	switch s.Type {
	case Postgres:
		where += "dsn"
		if s.DSN == "" {
			k.say(where, "missing: how deputy_recorder connects, such as postgres://deputy_recorder@localhost/audit")
			return
		}
		_, err = sink.OpenPostgres(string(s.DSN))
	case SyslogSink:
		where += "address"
		var network string
		if network, _, err = sink.SyslogAddress(s.Address); network == "udp" && s.Required {
			k.say(
				key+".required",
				"nobody can know whether a message over UDP has arrived: use tcp or unix, or leave required out",
			)
		}
	case OTLPSink:
		where += "url"
		_, err = sink.NewOTLP(string(s.URL), nil)
		for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
			if !validHeader(name, string(s.Headers[name])) {
				k.say(mistake.Below(key+".headers", name), "not a header")
			}
		}
	}
	if err != nil {
		k.say(where, "%v", err)
	}
}

// validHeader reports whether HTTP can carry it.
func validHeader(name, value string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 127 || slices.Contains([]byte(`()<>@,;:\"/[]?={}`), c) {
			return false
		}
	}
	for _, c := range []byte(value) {
		if c < ' ' || c == 127 {
			return false
		}
	}
	return name != "" && value != ""
}
