package assembly_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/tools"
)

// edits are what may be changed in the demo's file, each in one of several ways. The first way is as it stands.
var edits = map[string][]string{
	"  - name: marketing-agent\n": {
		"  - name: marketing-agent\n",
		"  - name: marketing-agent\n    disabled: true\n",
		"  - name: marketing-agent\n    acts_for: [group:Privacy]\n",
		"  - name: renamed\n",
	},
	"groups: [Agents]":  {"groups: [Agents]", "groups: [Bots]", "groups: [Agents, Privacy]"},
	"groups: [Privacy]": {"groups: [Privacy]", "groups: [Agents]", "disabled: true"},
	"identity:\n": {
		"identity:\n",
		"identity:\n",
		"identity:\n  users: [{id: taylor, disabled: true}]\n",
		"identity:\n  users: [{id: taylor, groups: [Privacy]}]\n",
		"identity:\n  users: [{id: priya, disabled: true}]\n",
	},
	"groups: groups": {"groups: groups", "groups: groups", "groups: roles"},
	"  shop:\n":      {"  shop:\n", "  shop:\n", "  shop:\n", "  store:\n"},
	"Lookup: [sales.regions]": {
		"Lookup: [sales.regions]",
		"Lookup: [sales.regions, sales.customer_orders]",
		"Lookup: sales",
	},
	"[sales.customer_orders.lastname]": {
		"[sales.customer_orders.lastname]",
		"[sales.customer_orders.region]",
		"[sales.customer_orders.lastname, sales.regions.warehouse]",
	},
	"to: [group:Marketing, group:Privacy]": {"to: [group:Marketing, group:Privacy]", "to: everyone", "to: group:Privacy"},
	"{constant: REDACTED}": {
		"{constant: REDACTED}",
		"{partial: {first: 1}}",
		"null",
		"{constant: REDACTED}\n    when: region = 'US-EAST'",
	},
	masked: {masked, unmasked, "for: group:Marketing"},
	"policies:\n": {
		"policies:\n",
		"policies:\n  - {name: east, filter: sales.customer_orders, where: \"region = 'US-EAST'\"}\n",
		"policies:\n  - {name: west, filter: sales.customer_orders, where: \"region <> 'US-EAST'\", except: group:Privacy}\n",
		"policies:\n  - {name: guard, guardrail: sales.regions, require: mode:on_behalf_of}\n",
	},
}

var drawnFile = rapid.Custom(func(t *rapid.T) map[string]string {
	out := map[string]string{}
	for _, old := range slices.Sorted(maps.Keys(edits)) {
		out[old] = edits[old][0]
		if rapid.IntRange(0, 2).Draw(t, "changed") == 0 {
			out[old] = rapid.SampledFrom(edits[old]).Draw(t, "edit")
		}
	}
	return out
})

func (w *world) edited(edit map[string]string) string {
	var pairs []string
	for _, old := range slices.Sorted(maps.Keys(edit)) {
		pairs = append(pairs, old, edit[old])
	}
	return w.but(pairs...)
}

// views are what each of three callers gets of each table: the values that are not NULL, by column, and the rows.
func (w *world) views() map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for name, c := range map[string]identity.Credentials{
		"taylor":  {AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Taylor)},
		"priya":   {AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Priya)},
		"scanner": {AgentKey: w.stage.ScannerKey},
	} {
		ctx := w.t.Context()
		g, end := w.Begin(ctx)
		who, err := g.Authenticator().Authenticate(ctx, c)
		for _, table := range []string{"customer_orders", "regions"} {
			if err != nil {
				break
			}
			r, err := g.Tools().Query(
				ctx,
				tools.Call{Principal: who, Client: "test"},
				tools.QueryArgs{SQL: "SELECT * FROM sales." + table, Platform: "shop"},
			)
			if err != nil {
				continue
			}
			for _, row := range r.Rows {
				out[name+" "+table] = append(out[name+" "+table], "a row")
				for i, cell := range row {
					if cell != nil {
						key := name + " " + table + "." + r.Columns[i].Name
						out[key] = append(out[key], fmt.Sprint(cell))
					}
				}
			}
		}
		end()
	}
	return out
}

// beyond names a value that is in one view and not in the other, as often as it is in the one.
func beyond(one, other map[string][]string) string {
	for where, values := range one {
		left := slices.Clone(other[where])
		for _, v := range values {
			i := slices.Index(left, v)
			if i < 0 {
				return fmt.Sprintf("%q of %s", v, where)
			}
			left = slices.Delete(left, i, i+1)
		}
	}
	return ""
}

// alone is what a file gives that is in force and has no other beside it.
func (w *world) alone(text string) map[string][]string {
	w.t.Helper()
	other := &world{t: w.t, stage: w.stage, file: filepath.Join(w.t.TempDir(), "deputy.yaml")}
	other.audit = filepath.Join(filepath.Dir(other.file), "audit.jsonl")
	other.write(text)
	var err error
	logger := func(string) zerolog.Logger { return zerolog.New(&other.log) }
	if other.Live, err = assembly.Follow(w.t.Context(), other.load, logger); err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	defer other.Close()
	return other.views()
}

// Pairs of whole files are drawn. The second one changes a key as well that cannot change while Deputy runs, so that it
// waits.
func TestBothFilesNeverGiveMoreThanEither(t *testing.T) {
	w := follow(t, config.SQLite)
	some, less := 0, 0
	const pairs = 25
	for i := range pairs {
		first := drawnFile.Example(2 * i)
		second := drawnFile.Example(2*i + 1)
		if i%2 == 0 { // as people edit: one thing
			second = maps.Clone(first)
			old := slices.Sorted(maps.Keys(edits))[i/2%len(edits)]
			second[old] = rapid.SampledFrom(edits[old]).Example(i)
		}
		one, other := w.edited(first), w.edited(second)
		w.write(one)
		if w.views(); w.Notice() != "" {
			t.Fatalf("the first file is not in force: %s", w.log.String())
		}
		w.write(other + "\nlimits: {connections: 17}\n")
		both := w.views()
		if w.Notice() == "" {
			t.Fatal("the second file does not wait")
		}
		a, b := w.alone(one), w.alone(other)
		if more := beyond(both, a); more != "" {
			t.Errorf("both show %s, and the one in force does not:\n%v\n%v", more, first, second)
		}
		if more := beyond(both, b); more != "" {
			t.Errorf("both show %s, and the one that waits does not:\n%v\n%v", more, first, second)
		}
		if len(both) > 0 {
			some++
		}
		if beyond(a, both) != "" {
			less++
		}
	}
	if some < pairs/5 || less < pairs/5 {
		t.Errorf("of %d pairs only %d show anything, and %d less than the one in force", pairs, some, less)
	}
}
