package tools_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
)

const members = `
CREATE TABLE members (id integer PRIMARY KEY, age integer, born date, pay numeric(8,2), seen timestamptz, kept integer);
INSERT INTO members VALUES (1, 25, '1999-01-01', 2.5, '2026-01-01', 7), (2, 35, '1989-01-01', 9.5, '2025-01-01', 8),
  (3, 36, '1988-01-01', 1, '2024-01-01', 9);
CREATE TABLE bands (band text, label text); INSERT INTO bands VALUES ('under 30', 'young'), ('30-40', 'older');
CREATE TABLE hidden (age text);
`

const memberPolicies = `
- {name: all, grant: [sales.members, sales.bands], to: group:Marketing}
- {name: ages, mask: [sales.members.age], with: {bucket: [{below: 30, name: under 30}, {name: 30-40}]}}
- {name: births, mask: [sales.members.born], with: {bucket: [{below: 1990-01-01, name: eighties}, {name: nineties}]}}
- {name: pays, mask: [sales.members.pay], with: {sql: "'x' || $column::text"}}
- {name: sight, mask: [sales.members.seen], with: {bucket: [{below: 2025-01-01, name: old}, {name: new}]}, when: id > 1}
`

// A masked column is compared and computed with as what it shows, though the analysis has it as what it is: what only
// the masked type takes is taken, what only the raw type takes is refused in words of the masked one, and what is
// hidden is so beside either.
func TestMaskedTypesAreWhatStatementsMeet(t *testing.T) {
	e := postgresWith(t, "sales", members)
	p := platforms.Config{Name: "shop", Engine: e}
	if err := form.Fragment("policies", memberPolicies, &p.Policies); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Platforms: []platforms.Config{p}, Audit: &memory{}, Log: zerolog.Nop(),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	const hidden = "not_permitted: %s is not there, or you may not read it: describe_table lists the tables you can"
	for _, test := range [][2]string{
		{`SELECT id FROM members WHERE age = '30-40' ORDER BY id`, "2; 3"},
		{`SELECT id FROM sales.members m WHERE m.age IN ('30-40', 'none') ORDER BY id`, "2; 3"},
		{`SELECT id FROM members WHERE age = ANY ('{under 30}') OR age BETWEEN '3' AND '30' ORDER BY id`, "1"},
		{`SELECT CASE age WHEN '30-40' THEN 'o' ELSE 'y' END FROM members ORDER BY id`, "y; o; o"},
		{`SELECT CASE WHEN id > 1 THEN age ELSE 'none' END FROM members ORDER BY id`, "none; 30-40; 30-40"},
		{`SELECT coalesce(age, 'none') FROM members ORDER BY id`, "under 30; 30-40; 30-40"},
		{`SELECT age, count(*) FROM members GROUP BY age HAVING age <> '30-40'`, "under 30 1"},
		{`SELECT age = '30-40' AS o, count(*) FROM members GROUP BY 1 ORDER BY 1`, "false 1; true 2"},
		{`SELECT label, count(*) FROM members JOIN bands ON band = age GROUP BY 1 ORDER BY 1`, "older 2; young 1"},
		{`SELECT label FROM members JOIN bands b (age, label) USING (age) ORDER BY id`, "young; older; older"},
		{`SELECT age FROM members UNION SELECT band FROM bands ORDER BY 1`, "30-40; under 30"},
		{`SELECT upper(age) FROM members WHERE age LIKE 'u%'`, "UNDER 30"},
		{`SELECT id FROM members WHERE born = 'eighties' ORDER BY id`, "2; 3"},
		{`SELECT pay || 'y' FROM members WHERE pay = 'x2.50'`, "x2.50y"},
		{`SELECT id FROM members WHERE age = (SELECT band FROM bands WHERE label = 'young')`, "1"},
		{`WITH q AS (SELECT age AS a FROM members) SELECT count(*) FROM q WHERE a = 'under 30'`, "1"},
		{`SELECT id FROM members WHERE seen = 'old'`, "3"},
		{`SELECT sum(kept) FROM members WHERE age = '30-40'`, "17"},
		{`SELECT sum(age) FROM members`, "invalid_sql: function sum(text) does not exist"},
		{`SELECT id FROM members WHERE age = 30`, "invalid_sql: operator does not exist: text = integer"},
		{`SELECT id FROM members WHERE age = '30-40' AND kept = 'x'`, "invalid_sql: a value does not fit"},
		{`SELECT id FROM members WHERE age = '3' AND pg_sleep(1) IS NULL`, "unsupported_statement: the function"},
		{`SELECT id FROM members WHERE age = '30-40' AND EXISTS (SELECT FROM hidden)`, fmt.Sprintf(hidden, "hidden")},
		{`SELECT id FROM members WHERE age = '30-40' AND EXISTS (SELECT FROM nosuch)`, fmt.Sprintf(hidden, "nosuch")},
		{`SELECT id FROM members WHERE age = 30 AND EXISTS (SELECT FROM hidden)`, "invalid_sql: operator does not"},
		{`SELECT id FROM members WHERE age = 30 AND EXISTS (SELECT FROM nosuch)`, "invalid_sql: operator does not"},
		{`SELECT id FROM members JOIN hidden USING (age)`, fmt.Sprintf(hidden, "hidden")},
		{`SELECT id FROM members JOIN nosuch USING (age)`, fmt.Sprintf(hidden, "nosuch")},
	} {
		got := ""
		r, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: test[0]})
		if err != nil {
			got = err.Error()
		} else {
			got = rows(r)
		}
		if got != test[1] && (err == nil || !strings.HasPrefix(got, test[1])) {
			t.Errorf("%s gives %s and not %s", test[0], got, test[1])
		}
	}
}
