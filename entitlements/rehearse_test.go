package entitlements_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
)

func TestARehearsalUsesEveryMaskAndFilterOfATable(t *testing.T) {
	var policies []entitlements.Policy
	if err := form.Fragment("policies", `
- {name: open, grant: [sales.orders], to: everyone}
- {name: names, mask: [sales.orders.lastname], with: {constant: REDACTED}, when: "region = 'EU'"}
- {name: all, mask: [sales.orders.*], with: null, except: "group:Privacy"}
- {name: region, filter: [sales.orders], where: "region = any(:attribute.region)"}
- {name: recent, filter: [sales.orders], where: "year > 2020", for: "group:Sellers"}
- {name: mixed, filter: [sales.orders], match: {column: region, attribute: region}, within: {column: day, last: 90d}, sample: 10%}
`, &policies); err != nil {
		t.Fatal(err)
	}
	catalog := &entitlements.Catalog{Version: "1"}
	for _, name := range []string{"orders", "plain"} {
		catalog.Tables = append(
			catalog.Tables,
			entitlements.Table{TableName: entitlements.TableName{Schema: "sales", Name: name},
				Columns: []entitlements.Column{
					{Name: "lastname", Kind: entitlements.Text},
					{Name: "region", Kind: entitlements.Text},
					{Name: "year", Kind: entitlements.Number},
					{Name: "day", Kind: entitlements.Date},
				}},
		)
	}
	e, problems := entitlements.Compile(entitlements.Config{Policies: policies, Catalog: catalog})
	if e == nil {
		t.Fatal(problems)
	}
	all := e.Rehearse()
	if len(all) != 1 || all[0].Access.Table.Name != "orders" {
		t.Fatalf("%d tables are rehearsed: one has nothing that an administrator wrote in SQL", len(all))
	}
	if len(all[0].Access.Filters) != 5 ||
		slices.ContainsFunc(all[0].Access.Columns, func(c entitlements.ColumnAccess) bool { return len(c.Masks) == 0 }) {
		t.Errorf("the rehearsal of everything leaves something out: %+v", all[0].Access)
	}
	var parts []string
	for _, r := range all[0].Parts() {
		parts = append(parts, strings.Join(strings.Fields(r.Policy+" "+r.Key+" "+r.Column), " "))
		masked := slices.IndexFunc(r.Access.Columns, func(c entitlements.ColumnAccess) bool { return len(c.Masks) > 0 })
		if len(r.Access.Filters) > 0 == (masked >= 0) || len(r.Access.Filters) > 1 || len(r.Parts()) > 0 {
			t.Errorf("%s of %s is more than one part, or none: %+v", r.Key, r.Policy, r.Access)
		}
		if masked >= 0 &&
			(r.Access.Columns[masked].Name != r.Column || len(r.Access.Columns[masked].Masks) > 1 || len(r.Access.Columns[masked].Masks[0].When) > 0 != (r.Key == "when")) {
			t.Errorf("%s of %s is about another column, or about more: %+v", r.Key, r.Policy, r.Access.Columns[masked])
		}
	}
	want := []string{"mixed match", "mixed sample", "mixed within", "recent where", "region where",
		"names when lastname", "names with lastname", "all with lastname", "all with region", "all with year", "all with day"}
	slices.Sort(want)
	if slices.Sort(parts); !slices.Equal(parts, want) {
		t.Errorf("the parts that are rehearsed are\n%q, not\n%q", parts, want)
	}
}
