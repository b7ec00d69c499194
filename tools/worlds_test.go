package tools_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"pgregory.net/rapid"

	"deputy/internal/testkit/throwaway"
	"deputy/tools"
	"deputy/vending"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/worlds"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
	"deputy/vending/sqlite"
)

// oneWorld is a database as one caller sees it.
type oneWorld struct {
	*tools.Tools
	log *memory
}

func newWorld(t *testing.T, e vending.Engine) oneWorld {
	log := &memory{}
	c := toolsConfig(t, e, log, "")
	c.Limits.Timeout = 2 * time.Second
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return oneWorld{made, log}
}

// sqliteWorld and postgresWorld are the seed with and without what is hidden.
func sqliteWorld(t *testing.T, hidden bool) oneWorld {
	script := dataset.Statements("")
	script = append(script, `CREATE TABLE payroll (lastname text, salary integer)`)
	if hidden {
		script = append(script, worlds.HiddenTables("")...)
	}
	script = append(script, `ANALYZE`)
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec(strings.Join(script, ";")), db.Close()); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return newWorld(t, e)
}

func postgresWorld(t *testing.T, hidden bool) oneWorld {
	name := fmt.Sprintf("tools%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name)
	script := append(
		[]string{
			`CREATE SCHEMA sales`,
			`GRANT USAGE ON SCHEMA public TO PUBLIC`,
			`CREATE TABLE sales.payroll (lastname text, salary integer)`,
			`CREATE EXTENSION citext`,
		},
		dataset.Statements("sales.")...)
	if hidden {
		script = append(script, worlds.HiddenTables("public.")...)
		script = append(script, worlds.HiddenObjects...)
	}
	exec(t, name, strings.Join(script, ";"))
	exec(t, name, "VACUUM ANALYZE") // of both: what is open to the caller is the same in them, and read in the same way
	admin, err := cluster.Open(throwaway.Superuser, name)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := setup.Bootstrap(
		t.Context(),
		admin,
		setup.Order{Schemas: []string{"public", "sales"}, SigningKey: signingKey},
	); err != nil {
		t.Fatal(err)
	}
	return newWorld(
		t,
		openPostgres(t, name, "public", func(c *postgres.Config) { c.Schemas = []string{"public", "sales"} }),
	)
}

// seen is all that the caller gets of a call, and what of its record is about nothing else.
func (w oneWorld) seen(t *testing.T, result any, err error) string {
	text, _ := json.Marshal(result)
	if result, ok := result.(*tools.QueryResult); ok && result != nil {
		rest := *result
		rest.AuditID, rest.Role = "", ""
		text, _ = json.Marshal(rest)
	}
	var refusal *tools.Refusal
	if errors.As(err, &refusal) {
		text = fmt.Appendf(nil, "%s %s %s", refusal.Code, refusal.Message, refusal.Hint)
	} else if err != nil {
		text = fmt.Appendf(nil, "%v", err)
	}
	r := w.log.last(t)
	out := strings.ReplaceAll(string(text), r.ID, "")
	out += fmt.Sprint(" | ", r.Outcome, " ", r.Code, " ", r.Rows, " ", r.Truncated)
	if err == nil {
		out += fmt.Sprint(" ", r.Tables, r.Reasons)
	}
	return out
}

func (w oneWorld) query(t *testing.T, sql string) string {
	result, err := w.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: sql})
	return w.seen(t, result, err)
}

func onBothWorlds(t *testing.T, test func(t *testing.T, same func(t rapid.TB, sql string), with, without oneWorld)) {
	for name, open := range map[string]func(*testing.T, bool) oneWorld{"sqlite": sqliteWorld, "postgres": postgresWorld} {
		t.Run(name, func(t *testing.T) {
			with, without := open(t, true), open(t, false)
			test(t, func(f rapid.TB, sql string) {
				a, b := with.query(t, sql), without.query(t, sql)
				// that is the machine's
				late := strings.HasPrefix(a, string(tools.Timeout)) || strings.HasPrefix(b, string(tools.Timeout))
				if a != b && !late {
					f.Errorf("%s\nwith what is hidden: %s\nwithout:             %s", sql, a, b)
				}
			}, with, without)
		})
	}
}

// Two databases that differ only in what is hidden from the caller give the same for every statement.
func TestWorldsAreAlike(t *testing.T) {
	onBothWorlds(t, func(t *testing.T, same func(rapid.TB, string), with, without oneWorld) {
		for _, sql := range slices.Concat(worlds.ShadowedStatements, worlds.Unwritten, worlds.Populated) {
			same(t, sql)
		}
		for _, a := range slices.Concat(attack.All(), attack.Postgres()) {
			if a.Family != "bombs" && a.Family != "resources" && !strings.Contains(a.SQL, "random") &&
				!strings.Contains(a.SQL, "00000000") &&
				!strings.Contains(a.SQL, "now") &&
				!strings.Contains(a.SQL, "clock") {
				same(t, a.SQL)
			}
		}
		for _, form := range worlds.NamePositions {
			for _, name := range []string{"kept", "public.kept", "public.mood"} {
				same(t, strings.ReplaceAll(form, "%s", name))
			}
		}
	})
}

// A name that stands there thousands of times takes no longer where it is hidden than where it is not there.
func TestWorldsTakeAsLong(t *testing.T) {
	onBothWorlds(t, func(t *testing.T, same func(rapid.TB, string), with, without oneWorld) {
		var from strings.Builder
		for i := range 1500 {
			fmt.Fprintf(&from, "public.kept k%d, ", i)
		}
		same(t, "SELECT 1 FROM "+from.String()+"nosuch")
		same(t, "SELECT "+strings.Repeat("public.kept, ", 1500)+"1")
		same(t, "SELECT "+strings.Repeat("peek(1), ", 1500)+"1")
	})
}

// The same of statements that are drawn: every place for a name, with every hidden name in every spelling.
func TestWorldsAreAlikeForAnyName(t *testing.T) {
	onBothWorlds(t, func(t *testing.T, same func(rapid.TB, string), with, without oneWorld) {
		rapid.Check(t, func(t *rapid.T) {
			form := rapid.SampledFrom(worlds.NamePositions).Draw(t, "form")
			name := rapid.SampledFrom(worlds.HiddenNames).Draw(t, "name")
			same(t, strings.ReplaceAll(form, "%s", rapid.SampledFrom(worlds.Spellings(name)).Draw(t, "spelling")))
		})
	})
}

// And of what describes tables and asks for them.
func TestWorldsAreDescribedAlike(t *testing.T) {
	onBothWorlds(t, func(t *testing.T, _ func(rapid.TB, string), with, without oneWorld) {
		who := as("taylor", "Marketing")
		asked := func(w oneWorld, table string) string {
			d, err := w.DescribeTable(t.Context(), who, tools.DescribeArgs{Table: table})
			out := w.seen(t, d, err)
			q, err := w.RequestAccess(t.Context(), who, tools.RequestArgs{Table: table, Reason: "to see it"})
			return out + "\n" + w.seen(t, q, err)
		}
		told := func(w oneWorld, args tools.DescribeArgs) string {
			d, err := w.DescribeTable(t.Context(), who, args)
			return w.seen(t, d, err)
		}
		for _, name := range worlds.HiddenNames {
			args := []tools.DescribeArgs{
				{Search: name},
				{Search: "*" + name + "*"},
				{Search: "PII"},
				{Search: "#pii " + name},
				{Page: 2},
				{
					Search: "nobody may know",
				},
				{Search: "quiet"},
				{Search: "calm"},
				{Table: "sales.customer_orders", Search: name},
			}
			for _, spelled := range worlds.Spellings(name) {
				args = append(args, tools.DescribeArgs{Table: spelled}, tools.DescribeArgs{Table: "shop." + spelled},
					tools.DescribeArgs{Table: spelled, Search: "x", Page: 3})
			}
			for _, a := range args {
				if one, other := told(with, a), told(without, a); one != other {
					t.Errorf("%+v\nwith what is hidden: %s\nwithout:             %s", a, one, other)
				}
			}
		}
		for _, name := range append(worlds.HiddenNames, "") {
			for _, table := range []string{name, "public." + name, "sales." + name, "hr_secret." + name} {
				if a, b := asked(with, table), asked(without, table); a != b {
					t.Errorf("%s\nwith what is hidden: %s\nwithout:             %s", table, a, b)
				}
			}
		}
	})
}
