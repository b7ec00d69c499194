package entitlements_test

import (
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
)

func TestARehearsalUsesEveryMaskAndFilterOfATable(t *testing.T) {
	var policies []entitlements.Policy
	if err := yaml.Unmarshal([]byte(`
- {name: open, grant: [sales.orders], to: everyone}
- {name: names, mask: [sales.orders.lastname], with: {constant: REDACTED}}
- {name: all, mask: [sales.orders.*], with: null, except: "group:Privacy"}
- {name: region, filter: [sales.orders], where: "region = any(:attribute.region)"}
- {name: recent, filter: [sales.orders], where: "year > 2020", for: "group:Sellers"}
`), &policies); err != nil {
		t.Fatal(err)
	}
	catalog := &entitlements.Catalog{Version: "1"}
	for _, name := range []string{"orders", "plain"} {
		catalog.Tables = append(catalog.Tables, entitlements.Table{TableName: entitlements.TableName{Schema: "sales", Name: name},
			Columns: []entitlements.Column{{Name: "lastname", Kind: entitlements.Text}, {Name: "region", Kind: entitlements.Text}, {Name: "year", Kind: entitlements.Number}}})
	}
	e, problems := entitlements.Compile(entitlements.Config{Policies: policies, Catalog: catalog})
	if e == nil {
		t.Fatal(problems)
	}
	tables := 0
	e.Rehearse(func(all entitlements.Rehearsal, single func() []entitlements.Rehearsal) {
		tables++
		if len(all.Access.Filters) != 2 || slices.ContainsFunc(all.Access.Columns, func(c entitlements.ColumnAccess) bool { return len(c.Masks) == 0 }) {
			t.Errorf("the rehearsal of everything leaves something out: %+v", all.Access)
		}
		var names []string
		for _, r := range single() {
			names = append(names, r.Policy)
		}
		slices.Sort(names)
		if got := slices.Compact(names); !slices.Equal(got, []string{"all", "names", "recent", "region"}) {
			t.Errorf("the policies rehearsed one by one are %q", got)
		}
	})
	if tables != 1 {
		t.Errorf("%d tables are rehearsed: one has nothing that an administrator wrote in SQL", tables)
	}
}
