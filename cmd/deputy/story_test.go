package main

import (
	"context"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/internal/demo"
	"deputy/mcp/client"
)

// What Taylor sees of the most recent orders, cell by cell.
var seenByTaylor = [][]any{
	{"REDACTED", "US-EAST", "89.00", "95.67"},
	{"REDACTED", "US-EAST", "117.00", "127.95"},
	{"REDACTED", "US-WEST", "225.00", "245.73"},
	{"REDACTED", "US-CENTRAL", "356.00", "370.16"},
	{"REDACTED", "US-EAST", "50.00", "54.13"},
}

func TestTaylorSeesTheSeedTableMaskedCellByCell(t *testing.T) {
	for _, engine := range engines {
		s := stage(t, engine)
		for transport, c := range map[string]*client.Client{"HTTP": overHTTP(t, s, s.Token(demo.Taylor), ""), "stdio": overStdio(t, s, s.AgentKey, s.Token(demo.Taylor))} {
			t.Run(engine+" over "+transport, func(t *testing.T) {
				for _, sql := range []string{demo.RecentOrders, "SELECT * FROM customer_orders", "TABLE_OR_STAR"} {
					sql = strings.ReplaceAll(sql, "TABLE_OR_STAR", "SELECT o.* FROM sales.customer_orders AS o;")
					r, err := c.Query(t.Context(), map[string]any{"sql": sql})
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(r.Rows, seenByTaylor) {
						t.Errorf("%s gives Taylor %v", sql, r.Rows)
					}
					if r.Columns[0].MaskedBy != "hide personal data" || r.Columns[1].MaskedBy != "" {
						t.Errorf("the columns do not say what is masked: %+v", r.Columns)
					}
					if r.Role != "deputy_"+r.AuditID || r.RowCount != 5 || r.Truncated {
						t.Errorf("the answer says %+v", r)
					}
				}
			})
		}
	}
}

func overHTTP(t testing.TB, s *demo.Stage, bearer, userToken string) *client.Client {
	t.Helper()
	c, err := client.HTTP(t.Context(), s.URL, bearer, userToken)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// overStdio starts deputy stdio with the agent's key and the user's token, and speaks to it.
func overStdio(t testing.TB, s *demo.Stage, agentKey, userToken string) *client.Client {
	t.Helper()
	return speak(t, process(t, s, []string{"DEPUTY_AGENT_KEY=" + agentKey, "DEPUTY_USER_TOKEN=" + userToken}, "stdio"))
}

// speak starts a server that speaks MCP over its standard input and output.
func speak(t testing.TB, command *exec.Cmd) *client.Client {
	t.Helper()
	if command.Stderr == nil {
		command.Stderr = t.Output()
	}
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := client.Stdio(context.Background(), in, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("%v ended with %v", command.Args, err)
		}
	})
	return c
}

func TestTheStoryIsToldOnBothEngines(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := startStage(t, demo.Config{Engine: engine, Log: zerolog.Nop(), Clock: slowly()})
			var out strings.Builder
			if err := demo.Tell(t.Context(), s, passing(s), &out); err != nil {
				t.Fatal(err)
			}
			scenes := strings.Split(out.String(), "\n\n")
			story := out.String()
			if n := strings.Count(story, "Roles left in the database: none\n"); n != 7 {
				t.Errorf("%d of 7 scenes end without a role in the database", n)
			}
			for i, want := range []struct{ has, hasNot []string }{
				{has: []string{"REDACTED", "370.16"}, hasNot: demo.Names},
				{has: demo.Names, hasNot: []string{"REDACTED"}},
				{has: []string{"REDACTED", "Newark", "Reno", "Omaha"}, hasNot: demo.Names},
				{has: []string{"not_permitted", "to ask for it, call request_access"}, hasNot: append(demo.Names, "REDACTED")},
				{has: []string{"(no rows)"}},
				{has: []string{"Refused (unsupported_statement)"}},
				{has: []string{"5        5"}, hasNot: demo.Names},
			} {
				scene := scenes[1+3*i] + scenes[2+3*i] + scenes[3+3*i]
				_, answer, _ := strings.Cut(scene, "sales.customer_orders")
				for _, text := range want.has {
					if !strings.Contains(scene, text) {
						t.Errorf("scene %d does not say %q:\n%s", i+1, text, scene)
					}
				}
				for _, text := range want.hasNot {
					if i != 4 && strings.Contains(answer, text) {
						t.Errorf("scene %d shows %q:\n%s", i+1, text, scene)
					}
				}
			}
		})
	}
}

func TestTheRecordSaysWhoForWhomWhatAndThroughWhom(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := stage(t, engine)
			c := overHTTP(t, s, s.Token(demo.Taylor), "")
			r, err := c.Query(
				t.Context(),
				map[string]any{
					"sql": "SELECT o.lastname, r.warehouse FROM sales.customer_orders o JOIN sales.regions r ON r.region = o.region",
				},
			)
			if err != nil {
				t.Fatal(err)
			}
			got := records(t, s.AuditFile)[r.AuditID]
			want := []audit.Table{
				{
					Name:    "sales.customer_orders",
					Via:     "user",
					Grants:  []string{"marketing reads orders"},
					Columns: []string{"lastname", "region"},
					Masked:  []audit.MaskedColumn{{Column: "lastname", Mask: "constant", Policy: "hide personal data"}},
				},
				{
					Name:    "sales.regions",
					Via:     "agent",
					Grants:  []string{"agents read lookup tables"},
					Columns: []string{"region", "warehouse"},
				},
			}
			if !reflect.DeepEqual(got.Tables, want) {
				t.Errorf("the record says of the tables %+v", got.Tables)
			}
			if got.Mode != "on_behalf_of" || got.Agent.ID != "marketing-agent" || got.User == nil || got.User.ID != "taylor" ||
				got.Rows != 5 ||
				got.Outcome != audit.Answered {
				t.Errorf("the record says %+v", got)
			}
			if got.Role == nil || got.Role.Name != r.Role || got.Role.Vended.IsZero() ||
				got.Role.Revoked.Before(got.Role.Vended) {
				t.Errorf("the record says of the role %+v", got.Role)
			}
		})
	}
}

func TestEveryCallIsOnTheRecordAndNoSecretOrValueIs(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := stage(t, engine)
			token := s.Token(demo.Priya)
			c := overHTTP(t, s, token, "")
			for outcome, sql := range map[audit.Outcome]string{
				audit.Answered: demo.RecentOrders, audit.Denied: "SELECT * FROM sales.nowhere", audit.Failed: "SELECT lastname::int FROM sales.customer_orders",
			} {
				if engine == "sqlite" {
					sql = strings.Replace(sql, "lastname::int", "abs(-9223372036854775808)", 1)
				}
				_, err := c.Query(t.Context(), map[string]any{"sql": sql})
				if (err == nil) != (outcome == audit.Answered) {
					t.Errorf("%s: %v", sql, err)
				}
				if n := len(withOutcome(records(t, s.AuditFile), outcome)); n != 1 {
					t.Errorf("%d records say %s after %s", n, outcome, sql)
				}
			}
			log, err := os.ReadFile(s.AuditFile)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range append(demo.Names, token, s.AgentKey, s.ScannerKey) {
				if strings.Contains(string(log), secret) {
					t.Errorf("the audit log holds %.12s…", secret)
				}
			}
		})
	}
}

func records(t testing.TB, path string) map[string]audit.Record {
	t.Helper()
	out := map[string]audit.Record{}
	for _, r := range allRecords(t, path) {
		out[r.ID] = r
	}
	return out
}

// allRecords are those of a log as they stand there: what ran has two.
func allRecords(t testing.TB, path string) (out []audit.Record) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for r, err := range audit.Read(file) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func withOutcome(all map[string]audit.Record, outcome audit.Outcome) []audit.Record {
	var out []audit.Record
	for _, r := range all {
		if r.Outcome == outcome {
			out = append(out, r)
		}
	}
	return out
}
