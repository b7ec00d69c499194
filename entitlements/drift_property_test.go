package entitlements_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// A column of a database in which every column has content of its own: what a migration does to names does nothing to
// that.
type held struct {
	entitlements.Column
	content string
}

type holding struct {
	name    entitlements.TableName
	columns []held
	// The names at the start: a copy does not take one, as that is no more than an UPDATE of the column that had it.
	first   []string
	dropped bool // Then no column takes a name from the start: that could not be told from a drop of that column.
	moved   bool // A column took a name from the start. Then none is dropped, likewise.
}

func catalogOf(tables []holding) *entitlements.Catalog {
	out := &entitlements.Catalog{}
	for _, t := range tables {
		table := entitlements.Table{TableName: t.name}
		for _, c := range t.columns {
			table.Columns = append(table.Columns, c.Column)
		}
		out.Tables = append(out.Tables, table)
	}
	return out
}

// The engines keep the order of columns: a new one is the last, a renamed one stays where it is.
func migrate(t *rapid.T, tables []holding) []holding {
	i := rapid.IntRange(0, len(tables)-1).Draw(t, "table")
	of := &tables[i]
	free := func(in []held) []string {
		var out []string
		for _, n := range []string{"a", "b", "ssn", "code", "x"} {
			if !(of.dropped && slices.Contains(of.first, n)) &&
				!slices.ContainsFunc(in, func(c held) bool { return c.Name == n }) {
				out = append(out, n)
			}
		}
		return out
	}
	of.columns = slices.Clone(of.columns)
	at := rapid.IntRange(0, len(of.columns)-1).Draw(t, "column")
	taken := func(name string) bool {
		return slices.ContainsFunc(tables, func(h holding) bool { return h.name.Name == name })
	}
	switch what := rapid.SampledFrom([]string{"rename", "rename", "copy", "drop", "retype", "swap", "anew", "rename table", "exchange", "view"}).Draw(t, "what"); what {
	case "rename":
		if names := free(of.columns); names != nil {
			of.columns[at].Name = rapid.SampledFrom(names).Draw(t, "name")
			of.moved = of.moved || slices.Contains(of.first, of.columns[at].Name)
		}
	case "copy": // add a column and fill it
		names := slices.DeleteFunc(free(of.columns), func(n string) bool { return slices.Contains(of.first, n) })
		if len(names) > 0 {
			c := of.columns[at]
			c.Name = rapid.SampledFrom(names).Draw(t, "name")
			of.columns = append(of.columns, c)
		}
	case "drop":
		if len(of.columns) > 1 && !of.moved {
			of.dropped = true
			of.columns = slices.Delete(of.columns, at, at+1)
		}
	case "retype":
		of.columns[at].Type, of.columns[at].Kind = "integer", entitlements.Number
	case "swap":
		if of.dropped {
			break
		}
		of.moved = true
		other := rapid.IntRange(0, len(of.columns)-1).Draw(t, "other")
		of.columns[at].Name, of.columns[other].Name = of.columns[other].Name, of.columns[at].Name
	case "anew": // the comments are gone with the old table
		for j := range of.columns {
			of.columns[j].Tags = nil
		}
	case "rename table", "exchange", "view":
		name := rapid.SampledFrom([]string{"old", "new", "people2"}).Draw(t, "table name")
		if taken(name) {
			break
		}
		copied := holding{name: entitlements.TableName{Schema: "s", Name: name}, columns: slices.Clone(of.columns)}
		switch what {
		case "view":
			tables = append(tables, copied)
		case "exchange": // another table takes the name, with other content
			tables = append(tables, copied)
			for j := range of.columns {
				of.columns[j].content = "fresh"
			}
		default:
			of.name = copied.name
		}
	}
	return tables
}

// Whatever is done to a database between two starts or two looks: what a mask hid from the caller is hidden until the
// catalog is accepted, and where anything of it is shown under another name, or not at all, it is said.
func TestDriftNeverUnmasks(t *testing.T) {
	who := identity.Principal{Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "bot"}}}
	rapid.Check(t, func(t *rapid.T) {
		tables := []holding{
			{
				name: entitlements.TableName{Schema: "s", Name: "people"},
				columns: []held{
					{world.Col("a", entitlements.Text), "1"},
					{world.Col("ssn", entitlements.Text), "2"},
					{world.Col("b", entitlements.Text), "3"},
				},
				first: []string{"a", "ssn", "b"},
			},
			{
				name:    entitlements.TableName{Schema: "s", Name: "orders"},
				columns: []held{{world.Col("a", entitlements.Text), "4"}, {world.Col("code", entitlements.Text), "5"}},
				first:   []string{"a", "code"},
			},
		}
		for i := range tables {
			for j := range tables[i].columns {
				c := &tables[i].columns[j]
				c.Type = "text"
				if rapid.IntRange(0, 3).Draw(t, "commented") == 0 {
					c.Tags = []string{"Kept"}
				}
			}
		}
		everyone, _ := entitlements.Match("everyone")
		policies := []entitlements.Policy{{Name: "g", Grant: entitlements.Selectors{"s.*"}, To: everyone}}
		for i := range rapid.IntRange(1, 3).Draw(t, "masks") {
			p := entitlements.Policy{
				Name: fmt.Sprint("m", i),
				With: &entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "x"},
			}
			p.Mask = rapid.SampledFrom([]entitlements.Selectors{{"s.people.ssn"}, {"s.orders.code"}, {"s.*.s*"}, {"*.*.?"}, {"s.people.*"}, {"tag:P"}, {"tag:Kept"}, {"tag:Q"}}).
				Draw(t, "mask")
			policies = append(policies, p)
		}
		cfg := entitlements.Config{
			Policies: policies,
			Catalog:  catalogOf(tables),
			Others:   []*entitlements.Catalog{catalogOf(tables)},
			Tags: entitlements.Tags{
				{Name: "P", Selectors: entitlements.Selectors{"s.people.ssn"}},
				{Name: "Q", Selectors: entitlements.Selectors{"s.*.c*"}},
				{Name: "Kept", Selectors: entitlements.Selectors{"s.people.nothing*"}},
			},
		}
		cfg.Accepted = entitlements.Accept(cfg.Catalog)
		start, problems := entitlements.Compile(cfg)
		if start == nil {
			t.Fatal(problems)
		}
		secret := map[string]bool{}
		for _, h := range tables {
			access, _ := start.Decide(who, h.name)
			for i, c := range access.Columns {
				if len(c.Masks) > 0 {
					secret[h.columns[i].content] = true
				}
			}
		}
		var before []string
		for _, p := range problems {
			before = append(before, p.String())
		}
		at := fmt.Sprint(tables)
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			tables = migrate(t, slices.Clone(tables))
		}
		cfg.Catalog, cfg.Running = catalogOf(tables), true
		now, problems := entitlements.Compile(cfg)
		if now == nil {
			t.Fatalf("the platform is closed: %v", problems)
		}
		for _, h := range tables {
			access, denial := now.Decide(who, h.name)
			if denial != nil {
				continue
			}
			for i, c := range access.Columns {
				if secret[h.columns[i].content] && len(c.Masks) == 0 {
					t.Fatalf("%s.%s shows what was hidden\n%s\n%v", h.name, c.Name, at, tables)
				}
			}
		}
		moved := fmt.Sprint(catalogOf(tables).Tables) != at && len(secret) > 0 && gone(secret, cfg.Accepted, tables)
		if moved &&
			!slices.ContainsFunc(problems, func(p entitlements.Problem) bool { return !slices.Contains(before, p.String()) }) {
			t.Fatalf("nothing is said of it\n%s\n%v", at, tables)
		}
	})
}

// gone reports whether a table lost a column that it had: one of the secret ones, or one that something secret may be
// behind.
func gone(secret map[string]bool, accepted entitlements.Accepted, tables []holding) bool {
	for _, h := range tables {
		was, known := accepted[h.name]
		for _, c := range h.columns {
			if secret[c.content] && (!known || !strings.Contains(fmt.Sprint(was.Columns), "{"+c.Name+" ")) {
				return true
			}
		}
	}
	return false
}
