package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/tools/directory"
	"deputy/vending"
)

// plain is an engine that quotes what is not in small letters.
type plain struct{}

func (plain) Dialect() vending.Dialect {
	return vending.Dialect{Bare: func(name string) bool {
		return name == strings.ToLower(name) && !strings.ContainsAny(name, ` ."`)
	}}
}

// company is a directory of open tables with two columns each, made by their names.
func company(tables ...entitlements.TableName) *directory.Directory {
	c := directory.Config{Engine: plain{}, Platform: "shop", Catalog: &entitlements.Catalog{}}
	for i, name := range tables {
		table := entitlements.Table{TableName: name, Description: "holds what is sold", Columns: []entitlements.Column{
			{
				Name: "id",
				Type: "integer",
			},
			{Name: fmt.Sprintf("customerName%d", i), Type: "text", Description: "who buys"},
		}}
		access := entitlements.Access{Table: name}
		for _, column := range table.Columns {
			access.Columns = append(
				access.Columns,
				entitlements.ColumnAccess{Column: column, Tags: []string{"PII.Name"}},
			)
		}
		c.Catalog.Tables = append(c.Catalog.Tables, table)
		c.Tables = append(c.Tables, entitlements.Visible{Table: name, Description: table.Description, Access: &access})
	}
	return directory.New(c)
}

func warehouse(count int) []entitlements.TableName {
	var tables []entitlements.TableName
	for i := range count {
		schema := []string{"crm", "sales", "Old Stock"}[i%3]
		tables = append(tables, entitlements.TableName{Schema: schema, Name: fmt.Sprintf("shipment_positions_%04d", i)})
	}
	return tables
}

// All of 1,500 tables are on some page, once, and the first page says how to look further.
func TestPagesHaveEachTableOnce(t *testing.T) {
	d := company(warehouse(1500)...)
	seen := map[string]bool{}
	for page, pages := 1, 1; page <= pages; page++ {
		list, err := d.List("", page)
		if err != nil {
			t.Fatal(err)
		}
		pages = list.Pages
		if encoded, _ := json.Marshal(list); len(list.Tables) == 0 || len(encoded) > 8000 {
			t.Errorf("page %d has %d tables in %d bytes", page, len(list.Tables), len(encoded))
		}
		for _, table := range list.Tables {
			if seen[table.Name] {
				t.Errorf("%s is on two pages", table.Name)
			}
			seen[table.Name] = true
		}
		if page == 1 {
			for _, says := range []string{"search", "page 2", `"Old Stock". (500)`, "of 1500"} {
				if !strings.Contains(list.More, says) {
					t.Errorf("the first page says %q and not %s", list.More, says)
				}
			}
		}
	}
	if len(seen) != 1500 {
		t.Errorf("%d tables are on the pages", len(seen))
	}
	if _, err := d.List("", 1501); !errors.Is(err, directory.ErrNoPage) {
		t.Errorf("a page behind the last one: %v", err)
	}
}

// A search looks at names, comments and tags, takes words in any order and * for any text, and shows names first.
func TestSearchFinds(t *testing.T) {
	d := company(
		entitlements.TableName{Schema: "crm", Name: "Lead"},
		entitlements.TableName{Schema: "crm", Name: "contact"},
		entitlements.TableName{Schema: "sales", Name: "lead_items"},
	)
	for search, want := range map[string]string{
		"lead":             `crm."Lead" sales.lead_items`,
		`"lead"`:           `crm."Lead"`,
		"crm.":             `crm."Lead" crm.contact`,
		"crm lead":         `crm."Lead"`,
		"LE*ITEM":          `sales.lead_items`,
		"customername1":    `crm.contact`,
		"#pii.name":        `crm."Lead" crm.contact sales.lead_items`,
		"buys sold":        `crm."Lead" crm.contact sales.lead_items`,
		"contact customer": `crm.contact`,
		"nosuch":           ``,
		"lead nosuch":      ``,
	} {
		list, err := d.List(search, 0)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, table := range list.Tables {
			names = append(names, table.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s finds %s, not %s", search, got, want)
		}
		if (len(names) == 0) != strings.Contains(list.More, "nothing that you may know of") {
			t.Errorf("%s: the list says %q", search, list.More)
		}
	}
	list, err := d.List("customername2", 0)
	if err != nil || len(list.Tables) != 1 || !slices.Equal(list.Tables[0].Columns, []string{`"customerName2"`}) {
		t.Errorf("where it was found is %+v (%v)", list, err)
	}
	if _, err := d.List(strings.Repeat("x", 201), 0); !errors.Is(err, directory.ErrSearchTooLong) {
		t.Errorf("a long search: %v", err)
	}
}

// What is hidden makes no difference to which table a name means.
func TestFindKnowsNothingElse(t *testing.T) {
	upper, lower := entitlements.TableName{
		Schema: "crm",
		Name:   "Lead",
	}, entitlements.TableName{
		Schema: "crm",
		Name:   "lead",
	}
	one, both := company(upper), company(upper, lower)
	for text, want := range map[string]string{
		"crm.Lead": "", "crm.lead": "crm.lead", `crm."Lead"`: `crm."Lead"`, "LEAD": "crm.lead",
		"shop.crm.lead": "crm.lead",
	} {
		if found, err := one.Find(text); err != nil || found.Table != upper {
			t.Errorf("of one table, %s finds %v (%v)", text, found.Table, err)
		}
		found, err := both.Find(text)
		several, ambiguous := errors.AsType[*directory.AmbiguousError](err)
		switch {
		case want == "" &&
			(!ambiguous || !strings.Contains(several.Error(), `of two: write one of crm."Lead", crm.lead`)):
			t.Errorf("of two tables, %s finds %v (%v)", text, found.Table, err)
		case want != "" && (err != nil || plain{}.Dialect().SpellTable(found.Table) != want):
			t.Errorf("of two tables, %s finds %v (%v)", text, found.Table, err)
		}
	}
	if _, err := one.Find("other.crm.lead"); !errors.Is(err, directory.ErrNotThere) {
		t.Errorf("behind another platform's name it is found: %v", err)
	}
}
