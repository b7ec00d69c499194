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

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/entitlements/requests/store"
	"deputy/internal/config/form"
	"deputy/internal/testkit/throwaway"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// oddNames are names of every kind that people and programs give: in mixed case, reserved, with spaces, quotes, dots
// and letters of other scripts, as long as they may be. No two differ in case alone when folded is set.
func oddNames(count int, folded bool) (names []string) {
	kinds := []*rapid.Generator[string]{
		rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`),
		rapid.StringMatching(`[A-Za-z][A-Za-z0-9_]{0,8}`),
		rapid.SampledFrom(strings.Fields("user order select table left end key row true Date interval json with")),
		rapid.StringMatching(`[A-Za-z][ ."'.$][a-zA-Z."| ,;()-]{1,8}`),
		rapid.StringMatching(`[äéßß表☃ꙮa-zÀ-ÖЖ][ a-zéЖ0-9]{0,8}`),
		rapid.StringMatching(
			`[0-9][a-z0-9 ]{0,8}|\\[a-z]{1,4}|/\*[a-z]{1,3}|--[a-z]{1,3}|\$[a-z]\$|U&"[a-z]{1,3}"|"[a-z]{1,4}"`,
		),
		rapid.StringMatching(`[A-Za-z ."]{63}`),
	}
	names = []string{"lead", "a.b", "b.c", "c", "b", `"lead"`, "Order Lines", "firstName", "ß", "naïve 表"}
	if !folded {
		names = append(names, "Lead", "LEAD")
	}
	for seed := 0; len(names) < count; seed++ {
		name := kinds[seed%len(kinds)].Example(seed)
		taken := slices.ContainsFunc(
			names,
			func(n string) bool { return n == name || folded && strings.EqualFold(n, name) },
		)
		if !taken && len(name) <= 63 && strings.TrimSpace(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

// oddTables writes a table for each of the names in each of the schemas, with columns that have three of the names.
func oddTables(
	dialect vending.Dialect,
	schemas, names []string,
) (script string, columns map[entitlements.TableName][]string) {
	columns = map[entitlements.TableName][]string{}
	var out strings.Builder
	for s, schema := range schemas {
		for i, name := range names {
			if (i+s)%len(schemas) > 0 && i > 9 {
				continue // the first are in each schema
			}
			table := entitlements.TableName{Schema: schema, Name: name}
			written := dialect.QuoteTable(table)
			if schema == "" {
				table.Schema, written = "sales", dialect.Quote(name)
			}
			for n := range 3 {
				columns[table] = append(columns[table], names[(i+n*7+s)%len(names)])
			}
			var defined []string
			for _, c := range columns[table] {
				defined = append(defined, dialect.Quote(c)+" text")
			}
			fmt.Fprintf(&out, "CREATE TABLE %s (%s);\n", written, strings.Join(defined, ", "))
			fmt.Fprintf(&out, "INSERT INTO %s VALUES ('a', 'b', 'c');\n", written)
		}
	}
	return out.String(), columns
}

const oddPolicies = `
- {name: staff, grant: ["*.*"], to: group:Staff}
- {name: hide, mask: ["*.*.*"], with: {constant: REDACTED}, except: group:Privacy}
`

// spelling is a platform whose names are odd, and where access can be asked for.
type spelling struct {
	*tools.Tools
	columns map[entitlements.TableName][]string
	dialect vending.Dialect
}

func newSpelling(t *testing.T, e vending.Engine, columns map[entitlements.TableName][]string) spelling {
	t.Helper()
	kept, err := store.Open(t.Context(), store.Config{File: filepath.Join(t.TempDir(), "state.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	p := platforms.Config{Name: "shop", Engine: e}
	if err := errors.Join(
		form.Fragment("policies", oddPolicies, &p.Policies),
		form.Fragment(
			"requests.rules",
			`- {name: st, about: ["*.*.*", "*.*"], approvers: group:Stewards, at_most: 8h}`,
			&p.Rules,
		),
	); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Platforms: []platforms.Config{p}, Audit: &memory{}, Log: zerolog.Nop(), Requests: kept, Pending: time.Hour,
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	return spelling{made, columns, e.Dialect()}
}

func spellingOnSQLite(t *testing.T) spelling {
	t.Helper()
	script, columns := oddTables(sqliteWith(t, "probe", "").Dialect(), []string{""}, oddNames(40, true))
	return newSpelling(t, sqliteWith(t, "sales", script), columns)
}

func spellingOnPostgres(t *testing.T) spelling {
	t.Helper()
	schemas := []string{"a", "a.b", "Sales Data", "select"}
	dialect := postgresDialect
	script, columns := oddTables(dialect, schemas, oddNames(40, false))
	var made strings.Builder
	for _, s := range schemas {
		fmt.Fprintf(&made, "CREATE SCHEMA %s;\n", dialect.Quote(s))
	}
	name := fmt.Sprintf("tools%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	exec(t, name, made.String()+script)
	admin, err := cluster.Open(throwaway.Superuser, name)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := setup.Bootstrap(t.Context(), admin, setup.Order{Schemas: schemas, SigningKey: signingKey}); err != nil {
		t.Fatal(err)
	}
	e := openPostgres(t, name, "", func(c *postgres.Config) { c.Schemas = schemas })
	return newSpelling(t, e, columns)
}

var postgresDialect = (&postgres.Engine{}).Dialect()

func onBothSpellings(t *testing.T, test func(*testing.T, spelling)) {
	t.Run("sqlite", func(t *testing.T) { test(t, spellingOnSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, spellingOnPostgres(t)) })
}

// lists are all pages of the list of tables.
func (s spelling) lists(t *testing.T, who tools.Call) (names []string) {
	t.Helper()
	for page, pages := 1, 1; page <= pages; page++ {
		d, err := s.DescribeTable(t.Context(), who, tools.DescribeArgs{Page: page})
		if err != nil {
			t.Fatal(err)
		}
		pages = d.Pages
		for _, table := range d.Tables {
			names = append(names, table.Name)
		}
	}
	return names
}

// Every name that an answer shows works in a statement and in every tool, and means one thing.
func TestEveryShownNameWorks(t *testing.T) {
	onBothSpellings(t, func(t *testing.T, s spelling) {
		who := as("taylor", "Staff")
		names := s.lists(t, who)
		if len(names) != len(s.columns) {
			t.Fatalf("%d tables are listed of %d", len(names), len(s.columns))
		}
		shown := map[string]bool{}
		for n, name := range names {
			if shown[name] {
				t.Errorf("two tables are spelled %s", name)
			}
			shown[name] = true
			d, err := s.DescribeTable(t.Context(), who, tools.DescribeArgs{Table: name})
			if err != nil || d.Table != name {
				t.Errorf("%s is described as %+v (%v)", name, d, err)
				continue
			}
			var columns, uses []string
			for _, c := range d.Columns {
				columns = append(columns, c.Name)
				uses = append(uses, "t."+c.Name)
			}
			for _, sql := range []string{
				"SELECT " + strings.Join(columns, ", ") + " FROM " + name,
				"SELECT " + strings.Join(uses, ", ") + " FROM " + name + " AS t WHERE " + columns[0] +
					" IS NOT NULL GROUP BY " +
					strings.Join(columns, ", ") + " ORDER BY " + columns[2],
			} {
				r, err := s.Query(t.Context(), who, tools.QueryArgs{SQL: sql})
				if err != nil || len(r.Rows) != 1 || len(r.Rows[0]) != 3 || r.Rows[0][0] != "REDACTED" {
					t.Errorf("%s\nis answered with %+v (%v)", sql, r, err)
					continue
				}
				for i, c := range columns {
					if want := name + "." + c + " is masked"; !strings.HasPrefix(r.Notices[i], want) {
						t.Errorf("the notice is %q, not %q", r.Notices[i], want)
					}
				}
			}
			s.asks(t, n, name, columns, d.HowToAsk)
		}
	})
}

// asks asks for access with the names as they are shown, each time in the name of another user.
func (s spelling) asks(t *testing.T, n int, table string, columns []string, how string) {
	t.Helper()
	_, arguments, _ := strings.Cut(how, "call request_access with ")
	arguments, _, _ = strings.Cut(arguments, " and a reason")
	var asked struct {
		Table   string
		Columns []string
	}
	if err := json.Unmarshal(
		[]byte(arguments),
		&asked,
	); err != nil || asked.Table != table ||
		!slices.Equal(asked.Columns, columns) {
		t.Errorf("how to ask is %s (%v)", how, err)
	}
	who := as(fmt.Sprintf("user%d", n), "Staff")
	got, err := s.RequestAccess(
		t.Context(),
		who,
		tools.RequestArgs{Table: asked.Table, Columns: asked.Columns, Reason: "a test"},
	)
	if err != nil || got.Status != "pending" || got.Table != table {
		t.Errorf("%s is answered with %+v (%v)", arguments, got, err)
		return
	}
	own, err := s.RequestAccess(t.Context(), who, tools.RequestArgs{})
	if err != nil || len(own.Requests) != 1 || own.Requests[0].Table != table {
		t.Errorf("their requests are %+v (%v)", own, err)
	}
}

// A name as it is, in whatever case and without its schema, means the one table that it can mean, or is refused with
// the spellings of those that it may mean.
func TestEverySpellingMeansOneTable(t *testing.T) {
	onBothSpellings(t, func(t *testing.T, s spelling) {
		who := as("taylor", "Staff")
		for table := range s.columns {
			spelled := s.dialect.SpellTable(table)
			for _, text := range []string{
				spelled, table.String(), table.Name, s.dialect.Spell(table.Name), s.dialect.QuoteTable(table),
				" " + spelled + "\n",
				strings.ToUpper(spelled), strings.ToUpper(table.String()), "shop." + spelled,
			} {
				d, err := s.DescribeTable(t.Context(), who, tools.DescribeArgs{Table: text})
				var r *tools.Refusal
				switch {
				case errors.As(err, &r) && r.Code == tools.InvalidArgument &&
					strings.Contains(r.Message, "that name is of"):
					if text == spelled || text == s.dialect.QuoteTable(table) {
						t.Errorf("%q is refused: %s", text, r.Message)
					}
				case err != nil:
					t.Errorf("%q is not %s: %v", text, spelled, err)
				case d.Table != spelled && (text == spelled || !means(text, d.Table)):
					t.Errorf("%q is taken for %s", text, d.Table)
				}
			}
		}
	})
}

// means reports whether the text may be how another table is spelled.
func means(text, spelled string) bool {
	bare := func(s string) string { return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(s, `"`, ""))) }
	return bare(text) == bare(spelled) || strings.HasSuffix(bare(spelled), "."+bare(text))
}
