package assembly_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/demo"
	"deputy/mcp/client"
)

// withCopy adds a second platform, a SQLite file. What is written as waits cannot be in force until its table is made.
func withCopy(t *testing.T, engine string) (w *world, waits func(text string) string, makeTable func()) {
	t.Helper()
	w = follow(t, engine)
	file := filepath.Join(t.TempDir(), "copy.db")
	exec := func(sql string) {
		t.Helper()
		db, err := sqlite3.Open(file)
		if err == nil {
			err = errors.Join(db.Exec(sql), db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	exec(
		"CREATE TABLE customer_orders (lastname text, region text); CREATE TABLE regions (region text, warehouse text)",
	)
	w.text = w.but("platforms:\n", "platforms:\n  copy: {engine: sqlite, path: '"+file+"', schema: sales}\n")
	w.write(w.text)
	w.sees()
	w.inForce()
	waits = func(text string) string {
		out := strings.Replace(text, "\ntags:\n", "\ntags:\n  Late: [sales.late]\n", 1)
		if out == text {
			t.Fatal("the demo's configuration has no tags")
		}
		return out
	}
	return w, waits, func() { exec("CREATE TABLE late (id int)") }
}

// rows is what a statement gives on the shop through the real server: its rows, or the refusal.
func rowsOf(t *testing.T, c *client.Client, sql string) string {
	t.Helper()
	r, err := c.Query(t.Context(), map[string]any{"sql": sql, "platform": "shop"})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Rows)
}

const orders = "SELECT lastname, region FROM customer_orders ORDER BY order_total"

// Each edit takes something away, or gives something, in a file that cannot be in force yet.
func TestAnEditTakesAwayWhileItWaits(t *testing.T) {
	onEach := "policies:\n  - "
	edits := func(w *world) map[string][3]string { // name: file, statement, what stands in the answer
		return map[string][3]string{
			"nothing": {w.text + "\n# a remark\n", orders, "[[REDACTED US-EAST]"},
			"a grant": {w.but("to: [group:Marketing, group:Privacy]", "to: group:Privacy"), orders, "not_permitted"},
			"a mask": {
				w.but("policies:\n", onEach+"{name: more, mask: sales.customer_orders.region, with: {constant: X}}\n"),
				orders,
				"[[REDACTED <nil>]",
			},
			"another mask": {w.but("{constant: REDACTED}", "{partial: {first: 1}}"), orders, "[[<nil> US-EAST]"},
			"a filter": {
				w.but(
					"policies:\n",
					onEach+"{name: more, filter: sales.customer_orders, where: \"region = 'US-WEST'\"}\n",
				),
				orders,
				"[[REDACTED US-WEST]]",
			},
			"a guardrail": {
				w.but("policies:\n", onEach+"{name: more, guardrail: sales.*, require: group:Privacy}\n"),
				orders,
				"no platform of that name",
			},
			"the agent's key": {
				w.but(`key_sha256: ["${DEMO_AGENT_KEY_SHA256}"]`, ""),
				orders,
				"authorization required",
			},
			"the agent": {
				w.but("  - name: marketing-agent\n", "  - name: marketing-agent\n    disabled: true\n"),
				orders,
				"insufficient_access",
			},
			"the agent's group": {
				w.but("groups: [Agents]", "groups: [Bots]"),
				"SELECT * FROM regions",
				"not_permitted",
			},
			"whom it acts for": {
				w.but("  - name: marketing-agent\n", "  - name: marketing-agent\n    acts_for: [user:robin]\n"),
				orders,
				"insufficient_access",
			},
			"the user": {
				w.but("identity:\n", "identity:\n  users: [{id: taylor, disabled: true}]\n"),
				orders,
				"insufficient_access",
			},
			"the groups' claim": {w.but("groups: groups", "groups: roles"), orders, "not_permitted"},
			"the issuer": {
				w.but("url: ${DEMO_ISSUER}", "url: http://127.0.0.1:1"),
				orders,
				"authorization required",
			},
			"the platform": {w.but("  shop:\n", "  store:\n"), orders, "say which platform"},
			"rows":         {w.text + "\nlimits: {max_rows: 1}\n", orders, "[[REDACTED US-EAST]]"},

			"nothing, but a mask less": {w.but(masked, unmasked), orders, "[[<nil> US-EAST]"},
			"nothing, but a grant more": {
				w.but("groups: [Agents]", "groups: [Agents, Privacy]"),
				orders,
				"[[REDACTED US-EAST]",
			},
		}
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			w, waits, makeTable := withCopy(t, engine)
			c, before := w.client(w.serve()), w.Config().Version
			all := edits(w)
			if engine == "sqlite" {
				all["the schema"] = [3]string{
					strings.ReplaceAll(w.but("    schema: sales\n", "    schema: buying\n"), "sales.", "buying."),
					orders,
					"no platform of that name",
				}
			} else {
				all["the schema"] = [3]string{
					strings.ReplaceAll(w.but("    schemas: [sales]\n", "    schemas: [public]\n"), "sales.", "public."),
					orders,
					"no platform of that name",
				}
			}
			for name, edit := range all {
				w.write(waits(edit[0]))
				if got := rowsOf(
					t,
					c,
					edit[1],
				); !strings.Contains(got, edit[2]) ||
					strings.Contains(got, demo.Names[0]) {
					t.Errorf("%s is taken away: Taylor gets %s, and not %s", name, got, edit[2])
				}
				if !strings.Contains(w.Notice(), "not in force yet") {
					t.Errorf("%s is taken away: the notice is %q", name, w.Notice())
				}
				if r := w.records()[len(w.records())-1]; r.PolicyVersion != before || r.WaitingVersion == "" ||
					r.WaitingVersion == before {
					t.Errorf("%s is taken away: the record is of %q and %q", name, r.PolicyVersion, r.WaitingVersion)
				}
				w.write(w.text)
				if got := rowsOf(t, c, orders); !strings.Contains(got, "[[REDACTED US-EAST] ") || w.Notice() != "" {
					t.Errorf("%s is there again: Taylor gets %s, and the notice is %q", name, got, w.Notice())
				}
			}

			w.write(waits(w.but(masked, unmasked)))
			rowsOf(t, c, orders)
			w.write("half of a fi: [")
			if got := rowsOf(t, c, orders); !strings.Contains(got, "[[<nil> US-EAST]") {
				t.Errorf("a file that cannot be understood changes what is given to %s", got)
			}
			w.write(waits(w.but(masked, unmasked)))
			makeTable()
			w.soon("it is in force by itself", func() bool { return w.Config().Version != before })
			if got := rowsOf(t, c, orders); !strings.Contains(got, demo.Names[4]) || w.Config().Version == before {
				t.Errorf("in force, Taylor gets %s", got)
			}
			if r := w.records()[len(w.records())-1]; r.WaitingVersion != "" || r.PolicyVersion != w.Config().Version {
				t.Errorf("in force, the record is of %q and %q", r.PolicyVersion, r.WaitingVersion)
			}
		})
	}
}
