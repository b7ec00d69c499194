package config

func (l Limits) check(k *checker) {
	for _, limit := range []struct {
		key      string
		is, most int64
		says     string
	}{
		{"max_rows", int64(l.MaxRows), mostRows, "from 1 to 1000000"},
		{"max_bytes", int64(l.MaxBytes), mostBytes, "from 1 to 256MiB"},
		{"timeout", int64(l.Timeout), int64(mostTime), "more than 0s, up to 10m"},
		{"concurrency", int64(l.Concurrency), mostConcurrency, "from 1 to 1000"},
		{"at_once", int64(l.AtOnce), mostAtOnce, "from 1 to 100000"},
		{"connections", int64(l.Connections), mostAtOnce, "from 1 to 100000"},
		{"per_caller.per_minute", int64(l.PerCaller.PerMinute), mostPerMinute, "from 1 to 10000000"},
		{"per_caller.at_once", int64(l.PerCaller.AtOnce), mostAtOnce, "from 1 to 100000"},
		{"per_address.per_minute", int64(l.PerAddress.PerMinute), mostPerMinute, "from 1 to 10000000"},
		{"per_address.at_once", int64(l.PerAddress.AtOnce), mostAtOnce, "from 1 to 100000"},
	} {
		if limit.is <= 0 || limit.is > limit.most {
			k.say("limits."+limit.key, "out of range: it may be %s", limit.says)
		}
	}
}
