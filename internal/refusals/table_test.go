package refusals

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"deputy/vending"
)

// fewest is how many different refusals the page shows at least.
const fewest = 40

// Every row of the page is what a model is told, word for word.
func TestPageIsTrue(t *testing.T) {
	p := readPage(t)
	worlds := map[string]*world{
		"PostgreSQL": newWorld(t, map[string]vending.Engine{"shop": newPostgres(t)}),
		"SQLite":     newWorld(t, map[string]vending.Engine{"shop": newSQLite(t)}),
		"two":        newWorld(t, map[string]vending.Engine{"shop": newSQLite(t), "store": newSQLite(t)}),
	}
	different, written := map[said]bool{}, map[int]said{}
	for _, r := range p.rows {
		t.Run(r.on+" "+r.asked, func(t *testing.T) {
			on := strings.Split(r.on, ", ")
			if r.on == "both" {
				on = []string{"PostgreSQL", "SQLite"}
			}
			for _, name := range on {
				var got said
				switch w := worlds[name]; {
				case name == "-" || scenarios[r.asked] != nil:
					scenario := scenarios[r.asked]
					if scenario == nil {
						t.Fatal("no scenario has this name")
					}
					got = scenario(t, name)
				case w == nil:
					t.Fatalf("there is no world %q", name)
				default:
					got = w.ask(t, r.asked)
				}
				got = got.plain()
				namesNothingHidden(t, r.asked, got)
				if said, told := written[r.line]; told && said != got {
					t.Errorf("on %s is said %+v, and on another %+v", name, got, said)
				}
				written[r.line] = got
				if *update {
					p.write(r, got)
				} else if got != r.said {
					t.Errorf("on %s\n got %+v\nwant %+v", name, got, r.said)
				}
				if got.code != "answered" {
					different[said{got.code, got.message, ""}] = true
				}
			}
		})
	}
	if *update {
		p.save(t)
	}
	if len(different) < fewest {
		t.Errorf("the page shows %d different refusals, and not %d", len(different), fewest)
	}
}

// hidden are names that no call may be told unless it says them itself, and values that no caller may see.
var hidden = []string{"hidden", "secretive", "absent_", "deputy_", "pg_temp", "731942", "648213", "ada@example.com"}

func namesNothingHidden(t *testing.T, asked string, s said) {
	t.Helper()
	for _, word := range hidden {
		if strings.Contains(s.message+" "+s.hint, word) && !strings.Contains(asked, word) {
			t.Errorf("%q is named: %+v", word, s)
		}
	}
}

// ask calls a tool as the page says: describe_table or request_access with arguments, or query with arguments or a
// statement.
func (w *world) ask(t *testing.T, asked string) said {
	t.Helper()
	for tool, run := range map[string]func(context.Context, map[string]any) said{
		"query ": func(ctx context.Context, args map[string]any) said {
			result, err := w.model.Query(ctx, args)
			return saidOf(result.Notices, err)
		},
		"describe_table ": func(ctx context.Context, args map[string]any) said {
			result, err := w.model.Describe(ctx, args)
			return saidOf([]string{result.HowToAsk}, err)
		},
		"request_access ": func(ctx context.Context, args map[string]any) said {
			result, err := w.model.RequestAccess(ctx, args)
			return saidOf([]string{string(result.Status) + ": " + result.NextStep}, err)
		},
	} {
		if text, is := strings.CutPrefix(asked, tool); is {
			var args map[string]any
			if err := json.Unmarshal([]byte(text), &args); err != nil {
				t.Fatal(err)
			}
			return run(t.Context(), args)
		}
	}
	result, err := w.model.Query(t.Context(), map[string]any{"sql": asked})
	return saidOf(result.Notices, err)
}
