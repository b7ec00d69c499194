package selector

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"deputy/entitlements/catalog"
)

func TestSelectors(t *testing.T) {
	tests := []struct {
		selector, schema, table, column string
		want                            bool
	}{
		{"sales.orders", "sales", "orders", "", true},
		{"sales.orders", "sales", "Orders", "", false},
		{"sales.orders", "sales", "orders2", "", false},
		{"sales.*", "sales", "orders", "", true},
		{"sales.*", "sales", "a/b", "", true}, // path.Match says no
		{"sales.*", "sales2", "orders", "", false},
		{"*.*", "sales", "orders", "", true},
		{"sales.order?", "sales", "orders", "", true},
		{"sales.order?", "sales", "order", "", false},
		{"sales.order?", "sales", "orderé", "", true},
		{"*.*_eu_*", "s", "a_eu_b_eu_c", "", true},
		{"*.*_eu_*", "s", "a_eu", "", false},
		{"sales.*", "sales", "orders", "id", false}, // two parts are tables
		{"sales.*.*", "sales", "orders", "id", true},
		{"sales.*.*", "sales", "orders", "", false}, // three parts are columns
		{"*.*.*name", "sales", "orders", "lastname", true},
		{`"my.schema"."Order ""X"""`, "my.schema", `Order "X"`, "", true},
		{`sales."*"`, "sales", "orders", "", false}, // quoted: a star is a star
		{`sales."*"`, "sales", "*", "", true},
		{`sales.orders."a.b"`, "sales", "orders", "a.b", true},
	}
	for _, tt := range tests {
		s, err := Parse(tt.selector)
		if err != nil {
			t.Errorf("%s is not read: %v", tt.selector, err)
			continue
		}
		name := catalog.TableName{Schema: tt.schema, Name: tt.table}
		got := s.MatchesTable(name)
		if tt.column != "" {
			got = s.MatchesColumn(name, tt.column)
		}
		if got != tt.want {
			t.Errorf("%s matches %s %s: %t", tt.selector, name, tt.column, got)
		}
	}
	for _, text := range []string{"", ".", "a.b.c.d", "a..b", "a.b.", ".a.b", `"a.b`, `"a"b.c`, `"".b`, `a"b".c`, "a.b c", "a.[b]", `a.\*`, "tag:", "tag:a..b", "tag:*", "tag:a b", "a.b\n"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is taken for a selector", text)
		}
	}
}

func FuzzSelector(f *testing.F) {
	for _, s := range []string{"a.b", `"a""b".c*`, "tag:A.B", "*.?.x", `""`, "a.*b*c*.d", "\xff.\xff", "abc"} {
		f.Add(s, "abc", "d")
	}
	f.Fuzz(func(t *testing.T, text, schema, name string) {
		s, err := Parse(text)
		if err != nil || s.Tag != "" {
			return
		}
		for _, p := range s.pattern {
			if p.text == "" {
				t.Errorf("%q has an empty part", text)
			}
			if p.glob && !strings.Contains(schema, "/") && regexp.MustCompile(`^[\x20-\x7e]*$`).MatchString(schema) {
				if want, _ := path.Match(p.text, schema); want != p.matches(schema) {
					t.Errorf("%q and %q: %t, not as path.Match says", p.text, schema, !want)
				}
			}
		}
		s.MatchesColumn(catalog.TableName{Schema: schema, Name: name}, name)
		if s.Exact() && s.IsTable() && s.MatchesTable(catalog.TableName{Schema: schema, Name: name}) &&
			(schema != s.pattern[0].text || !s.IsSchema() && name != s.pattern[1].text) {
			t.Errorf("%q names %q %q", text, schema, name)
		}
	})
}
