package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/mcp/client"
)

// withoutPgaudit takes the place of examples/postgresql.conf where there is no pgaudit.
const withoutPgaudit = `
log_line_prefix = '%m [%p] %u@%d %a '
log_statement = 'all'
`

// settingsOf are the lines of a postgresql.conf, as arguments of the server.
func settingsOf(text string) (out []string) {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && line[0] != '#' {
			out = append(out, name+"="+strings.Trim(value, "'"))
		}
	}
	return out
}

// logged is a statement that the server wrote down: who was connected, under which application_name, and what the rest
// of the line and those that continue it say.
type logged struct{ user, application, kind, text string }

var logLine = regexp.MustCompile(
	`(?m)^\S+ \S+ \S+ \[\d+\] (\S*)@(\S*) (\S*) (LOG|ERROR|STATEMENT|DETAIL|HINT|CONTEXT|FATAL|WARNING|NOTICE):  (.*(\n\t.*)*)$`,
)

// serverLog is what the server has written about deputy_runner. It waits until a text is there: the server writes when
// it likes.
func serverLog(t *testing.T, s *demo.Stage, awaited string) (all []logged) {
	t.Helper()
	for {
		text, err := os.ReadFile(filepath.Join(s.Cluster().Dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), awaited) {
			for _, m := range logLine.FindAllStringSubmatch(string(text), -1) {
				if m[1] == "deputy_runner" {
					all = append(all, logged{m[1], m[3], m[4], m[5]})
				}
			}
			return all
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the server's log never says %q", awaited)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ran are the lines of statements that ran and that hold the marker.
func ran(lines []logged, pattern *regexp.Regexp, marker string) (out []logged) {
	for _, l := range lines {
		if pattern.MatchString(l.text) && strings.Contains(l.text, marker) {
			out = append(out, l)
		}
	}
	return out
}

func TestTheServersLogAndTheAuditLogTellTheSameStory(t *testing.T) {
	for _, test := range []struct {
		name, settings string
		ran            *regexp.Regexp
	}{
		{"with pgaudit", string(example(t, "postgresql.conf")), regexp.MustCompile(`^AUDIT: SESSION,`)},
		// the analysis is logged too, and runs nothing: it has no ;
		{"without pgaudit", withoutPgaudit, regexp.MustCompile(`^execute [^:]*: ;`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := demo.Start(
				t.Context(),
				demo.Config{Engine: config.Postgres, Log: zerolog.Nop(), Settings: settingsOf(test.settings)},
			)
			if err != nil && test.settings != withoutPgaudit && strings.Contains(err.Error(), "pgaudit") {
				t.Skip("this server has no pgaudit: apt-get install postgresql-15-pgaudit")
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			calls := map[string]*client.Client{
				"taylor": overHTTP(t, s, s.Token(demo.Taylor), ""),
				"priya":  overHTTP(t, s, s.Token(demo.Priya), ""),
			}
			forged := "\n2026-01-01 00:00:00.000 UTC [1] deputy_runner@postgres deputy_00000000000000000000000000 LOG:  AUDIT: SESSION,execute 1: ;"
			statements := map[string]string{
				"/* first */":   demo.RecentOrders,
				"/* twice */":   demo.RecentOrders, // the analysis is known by then, and nothing but the call itself is logged
				"/* forged */":  "SELECT region /*" + forged + "forged */ FROM customer_orders",
				"/* by name */": "SELECT set_config('application_name', 'deputy_00000000000000000000000000', false), region FROM customer_orders",
				"/* fails */":   "SELECT 1 / (order_total - order_total) FROM customer_orders",
			}
			for marker, sql := range statements {
				for _, c := range calls {
					c.Query(t.Context(), map[string]any{"sql": sql + marker}) // some are refused
				}
			}
			calls["taylor"].Query(t.Context(), map[string]any{"sql": demo.RecentOrders + "/* the last */"})
			lines := serverLog(t, s, "/* the last */")

			for id, r := range records(t, s.AuditFile) {
				marker := r.SQL[strings.LastIndex(r.SQL, "/*"):]
				joined := 0
				for _, l := range ran(lines, test.ran, marker) {
					if l.application == "deputy_"+id {
						joined++
					}
				}
				if want := map[bool]int{true: 1}[r.Role != nil]; joined != want {
					t.Errorf(
						"the record of %s by %s (%s) has %d lines in the server's log, not %d",
						marker,
						r.User.ID,
						r.Outcome,
						joined,
						want,
					)
				}
				if r.Outcome == audit.Failed && r.Role != nil && len(failed(lines, id)) != 1 {
					t.Errorf("the server's log has %d errors under the id of %s", len(failed(lines, id)), marker)
				}
			}
			// And the other way round: nothing of a caller's ran under no id, or under one that is not on the record.
			all := records(t, s.AuditFile)
			for marker := range statements {
				for _, l := range ran(lines, test.ran, marker) {
					id, ok := strings.CutPrefix(l.application, "deputy_")
					if r, there := all[id]; !ok || !there || !strings.HasSuffix(r.SQL, marker) {
						t.Errorf("the server ran %s for %q, which is on no record", marker, l.application)
					}
				}
			}
			for _, l := range lines {
				if strings.Contains(l.application, "0000000000") {
					t.Errorf("a caller made up the line %q", l)
				}
			}
		})
	}
}

// failed are the errors that the server wrote down under an id.
func failed(lines []logged, id string) (out []logged) {
	for _, l := range lines {
		if l.kind == "ERROR" && l.application == "deputy_"+id {
			out = append(out, l)
		}
	}
	return out
}
