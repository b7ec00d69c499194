package config

import (
	"maps"
	"slices"

	"deputy/audit/sink"
	"deputy/internal/config/form"
	"deputy/internal/mistake"
)

// check is about where the records go. What the sinks' own errors say has nothing of the value in it.
func (s Sink) check(k *form.Document, key string) {
	var err error
	where := key + "."
	switch s.Type {
	case Postgres:
		where += "dsn"
		if s.DSN == "" {
			return // the table of keys says so
		}
		_, err = sink.OpenPostgres(string(s.DSN))
	case SyslogSink:
		where += "address"
		var network string
		if network, _, err = sink.SyslogAddress(s.Address); network == "udp" && s.Required {
			k.Say(
				key+".required",
				"nobody can know whether a message over UDP has arrived: use tcp or unix, or leave required out",
			)
		}
	case OTLPSink:
		where += "url"
		_, err = sink.NewOTLP(string(s.URL), nil)
		for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
			if !validHeader(name, string(s.Headers[name])) {
				k.Say(mistake.Below(key+".headers", name), "not a header")
			}
		}
	}
	if err != nil {
		k.Say(where, "%v", err)
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
