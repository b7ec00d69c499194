package config

import (
	"os"
	"strings"
	"testing"
)

// FuzzLoad reads whatever bytes there are: either it is a whole configuration, or there are problems, each with a line
// that the file has.
func FuzzLoad(f *testing.F) {
	complete, err := os.ReadFile("testdata/complete.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(complete)
	for _, text := range []string{
		"", "~", "- a", "a: 1\n---\nb: 2", "tags: &t\n  PII: *t\n", "limits: {<<: {max_rows: 5}, ? [a] : 1}", "server:\n\tlisten: x\n",
		"server: {listen: ${X}, public_url: \"$${X}${Y\"}", "policies:\n- {with: null, to: {any: [{not: x}]}}\n-", "limits: {max_bytes: 4MiB, timeout: 1h}",
		"platforms: {\"a\\u0000.b[\": {engine: sqlite}}", "\ufeffserver: {}", "!!map {agents: !x []}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("deputy.yaml", data, func(name string) (string, bool) { return "x", name != "" && name[0] == 'X' })
		if err == nil {
			if c.Audit.File == "" || c.Limits.MaxRows <= 0 || c.Server.PublicURL == "" || len(c.Agents) == 0 {
				t.Errorf("half a configuration was taken: %+v", c)
			}
			return
		}
		bad, ok := err.(*Error)
		if c != nil || !ok || len(bad.Problems) == 0 {
			t.Fatalf("the file is refused with %#v", err)
		}
		// a parser may stop behind the last line
		last := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 2
		for _, p := range bad.Problems {
			if p.Line < 0 || p.Line > last || p.Message == "" {
				t.Errorf("a file of %d lines has a problem in line %d: %q", last, p.Line, p.Message)
			}
		}
	})
}
