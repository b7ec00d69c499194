package expression

import (
	"regexp"
	"strings"
	"testing"
)

func TestWhere(t *testing.T) {
	tests := []struct{ where, want string }{
		{"region = 'x'", "region = 'x'"},
		{"region = any(:attribute.region)", "region = any([region])"},
		{"a=ANY( :attribute.a ) and b <>\nAll (:attribute.b-c.d)", "a= any([a]) and b <> all([b-c.d])"},
		{
			"region = any (array['a', 'b']) or x::date > '2026-01-01'",
			"region = any (array['a', 'b']) or x::date > '2026-01-01'",
		},
		{"note <> 'it''s; -- (fine'", "note <> 'it''s; -- (fine'"},
		{`"odd ""name"";" = 1`, `"odd ""name"";" = 1`},
		{"lower(region) = any(:attribute.region)", "lower(region) = any([region])"},
		{"owner = :user.id", "owner = [user.id]"},
		{"owner=:user.id and team = any(:user.groups)", "owner= [user.id] and team = any([user.groups])"},
		{":user.id::int = id", "[user.id]::int = id"},
	}
	for _, tt := range tests {
		parts, err := Parse(tt.where)
		if err != nil {
			t.Errorf("%s is refused: %v", tt.where, err)
			continue
		}
		got := ""
		for _, p := range parts {
			got += p.SQL
			if p.Variable != "" {
				got += "[" + strings.TrimPrefix(p.Variable, "attribute.") + "]"
			}
		}
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(tt.want, " ", "") {
			t.Errorf("%s is taken apart as %s", tt.where, got)
		}
	}
}

func TestWhereRefuses(t *testing.T) {
	for name, where := range map[string]string{
		"nothing":                                      "  ",
		"a semicolon":                                  "true; drop table x",
		"a line comment":                               "true -- x",
		"a line comment in a run of operators":         "1 +-- x\n 2",
		"a block comment":                              "true /* x */",
		"a block comment in a run of operators":        "1 */* x */ 2",
		"the end of a comment":                         "true */ x",
		"an open parenthesis":                          "(true",
		"a closing parenthesis":                        "true) or (true",
		"crossed brackets":                             "(a[1)]",
		"an open quote":                                "a = 'x",
		"an open double quote":                         `a = "x`,
		"a string that escapes":                        `a = E'\'' or true --'`,
		"a Unicode string":                             `a = U&'\0027'`,
		"a dollar quote":                               "a = $$x$$",
		"a parameter":                                  "a = $1",
		"a backtick":                                   "`a` = 1",
		"a backslash":                                  `a \gset`,
		"a NUL":                                        "a\x00",
		"broken UTF-8":                                 "a = '\xff'",
		"an attribute compared directly":               "region = :attribute.region",
		"an attribute in a list":                       "region in (:attribute.region)",
		"an attribute with another operator":           "region < any(:attribute.region)",
		"an attribute with an operator ending in =":    "region <= any(:attribute.region)",
		"an attribute with != all":                     "region != all(:attribute.region)",
		"an attribute with = all, true of no value":    "region = all(:attribute.region)",
		"an attribute with <> any, nearly true always": "region <> any(:attribute.region)",
		"an attribute beside another value":            "region = any(:attribute.region, 'x')",
		"an attribute in a function":                   "region = any(f(:attribute.region))",
		"an attribute with a cast":                     "region = any(:attribute.region::text[])",
		"an attribute in quotes":                       "region = ':attribute.region'",
		"an attribute with a space in it":              "region = any(: attribute.region)",
		"an attribute without a name":                  "region = any(:attribute.)",
		"groups compared directly":                     "team = :user.groups",
		"the id of a user as a list":                   "owner = any(:user.ids)",
		"the id of a user where a list belongs":        "owner = ANY ( :user.id)",
		"something else of the user":                   "owner = :user.name",
		"the id of a user in quotes":                   "owner = ':user.id'",
		"the column, which is only for masks":          "$column = 1",
		"an attribute in capitals":                     "region = any(:ATTRIBUTE.region)",
		"another placeholder":                          "region = any(:region)",
	} {
		if parts, err := Parse(where); err == nil {
			t.Errorf("%s is accepted: %q gives %v", name, where, parts)
		}
	}
}

func FuzzWhere(f *testing.F) {
	for _, s := range []string{"a = any(:attribute.x)", "a <> all ( :attribute.x ) and (b = 'x''y' or \"c\"[1]::int = 2)", "';'", "a=E'\\''", "((", "--"} {
		f.Add(s)
	}
	for _, s := range []string{"o = :user.id", ":user.id::int = 1", "t <> all(:user.groups)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, where string) {
		parts, err := Parse(where)
		if err != nil {
			return
		}
		// However it was written, outside of quotes nothing is left that could end the expression, and no attribute.
		sql := ""
		for i, p := range parts {
			if p.Variable != "" {
				before := parts[i-1].SQL
				if !p.One() &&
					(!strings.HasSuffix(before, "= any(") && !strings.HasSuffix(before, "<> all(") || !strings.HasPrefix(parts[i+1].SQL, ")")) {
					t.Errorf("%q: the list %s is not in one of the two forms: %v", where, p.Variable, parts)
				}
				sql += "null"
			}
			sql += p.SQL
		}
		bare := regexp.MustCompile(`(?s)'[^']*'|"[^"]*"`).ReplaceAllString(sql, "")
		for _, bad := range []string{";", "--", "/*", "*/", "'", `"`, "$", ":attribute", ":user"} {
			if strings.Contains(bare, bad) {
				t.Errorf("%q still has %s outside of quotes: %q", where, bad, bare)
			}
		}
		depth := 0
		for _, r := range bare {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth < 0 {
				t.Fatalf("%q leaves its parentheses", where)
			}
		}
		if depth != 0 {
			t.Errorf("%q leaves parentheses open", where)
		}
	})
}
