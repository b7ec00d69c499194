package tools_test

import (
	"strings"
	"testing"

	"deputy/internal/config/form"
	"deputy/tools"
)

const inheriting = `
CREATE TABLE %speople (id int, ssn text, email text, name text); INSERT INTO %speople VALUES (1, 'SECRET', 'SECRET@x', 'Ann');
CREATE TABLE %sorders (id int, region text); INSERT INTO %sorders VALUES (1, 'EU');
CREATE TABLE %sguarded (id int); INSERT INTO %sguarded VALUES (7);
CREATE VIEW %sv_plain AS SELECT id, ssn AS s, name FROM %speople;
CREATE MATERIALIZED VIEW %sv_kept AS SELECT id, ssn AS s FROM %speople;
CREATE VIEW %sv_nested AS SELECT s AS deep, id FROM %sv_plain;
CREATE VIEW %sv_computed AS SELECT id, upper(ssn) AS u, id + 1 AS n FROM %speople;
CREATE VIEW %sv_part AS SELECT id, left(email, 2) AS e FROM %speople;
CREATE VIEW %sv_several AS SELECT ssn AS s FROM %speople UNION ALL SELECT email FROM %speople;
CREATE VIEW %sv_same AS SELECT ssn AS s FROM %speople UNION ALL SELECT ssn FROM %speople;
CREATE SCHEMA outside; CREATE VIEW outside.between AS SELECT id, ssn AS hidden FROM %speople;
CREATE VIEW %sv_through AS SELECT hidden AS h, id FROM outside.between;
CREATE FUNCTION outside.ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM sales.people WHERE id = $1';
CREATE VIEW %sv_function AS SELECT id, outside.ssn(id) AS f FROM %speople;
CREATE VIEW %sv_row AS SELECT p AS whole, id FROM %speople p;
CREATE VIEW %sv_sub AS SELECT o.id, (SELECT p.ssn FROM %speople p WHERE p.id = o.id) AS sub FROM %sorders o WHERE false OR o.id > 0;
CREATE VIEW %sv_cte AS WITH c AS (SELECT ssn AS x, id FROM %speople) SELECT x, id FROM c;
CREATE VIEW %sv_json AS SELECT x.value AS j, p.id FROM %speople p, jsonb_each_text(to_jsonb(p)) x;
CREATE VIEW %sv_orders AS SELECT id, region FROM %sorders;
CREATE VIEW %sv_named AS SELECT id, region FROM %sorders;
CREATE VIEW %sv_guarded AS SELECT id FROM %sguarded;
CREATE VIEW %sv_own AS SELECT id, ssn AS mine FROM %speople;
`

// A view is masked and closed as what it is made of.
func TestViewsInherit(t *testing.T) {
	db := emptyPostgres(t)
	db.exec(t, "DROP SCHEMA sales CASCADE; CREATE SCHEMA sales")
	db.exec(t, inheriting)
	made := inherits(t, db, true)
	for _, test := range []struct{ view, staff, privacy string }{
		{"v_plain", "1 REDACTED Ann", "1 REDACTED Ann"},
		{"v_kept", "1 REDACTED", "1 REDACTED"},
		{"v_nested", "REDACTED 1", "REDACTED 1"},
		{"v_computed", "1 REDACTED 2", "1 REDACTED 2"},
		{"v_part", "1 <nil>", "1 <nil>"},
		{"v_several", "<nil>; <nil>", "<nil>; <nil>"},
		{"v_same", "REDACTED; REDACTED", "REDACTED; REDACTED"},
		{"v_through", "REDACTED 1", "REDACTED 1"},
		{"v_function", "1 <nil>", "1 <nil>"},
		{"v_row", "<nil> 1", "<nil> 1"},
		{"v_sub", "not_permitted", "not_permitted"}, // it reads orders
		{"v_cte", "REDACTED 1", "REDACTED 1"},
		{"v_orders", "not_permitted", "not_permitted"},
		{"v_named", "1 EU", "1 EU"},
		{"v_guarded", "not_permitted", "7"},
		{"v_own", "1 <nil>", "1 SECRET"},
	} {
		for group, want := range map[string]string{"Staff": test.staff, "Privacy": test.privacy} {
			answer, err := made.Query(t.Context(), as("taylor", group), tools.QueryArgs{SQL: "SELECT * FROM sales." + test.view})
			got := ""
			if err != nil {
				got = string(refusal(t, err).Code)
			} else {
				got = rows(answer)
			}
			if got != want {
				t.Errorf("%s sees of %s %q, not %q", group, test.view, got, want)
			}
		}
	}
	if text := everything(t, made); strings.Contains(text, "SECRET") {
		t.Errorf("a view shows what its table hides: %s", text)
	}
	d, err := made.DescribeTable(t.Context(), as("taylor", "Staff"), tools.DescribeArgs{Table: "sales.v_nested"})
	if err != nil || len(d.Columns) != 2 || strings.Join(d.Columns[0].Inherited, " ") != "PII" ||
		len(d.Columns[0].Tags) > 0 {
		t.Errorf("describe_table says %+v (%v)", d, err)
	}
}

// Without the key nothing is inherited, and check names the view and what it goes without.
func TestViewsWithoutInheritance(t *testing.T) {
	db := emptyPostgres(t)
	db.exec(t, "DROP SCHEMA sales CASCADE; CREATE SCHEMA sales")
	db.exec(t, inheriting)
	text := ""
	for _, p := range inherits(t, db, false).Warnings() {
		text += p.String() + "\n"
	}
	for _, want := range []string{
		`the view sales.v_plain reads sales.people and does not have its mask "hide ssn" on ssn`,
		`the view sales.v_kept reads sales.people and does not have its mask`,
		`the view sales.v_nested reads sales.people and does not have its mask "hide ssn" on ssn`,
		`the view sales.v_through reads sales.people and does not have its mask "hide ssn" on ssn`,
		`the view sales.v_orders reads sales.orders and does not have its filter "region"`,
		`the view sales.v_guarded reads sales.guarded and does not have its guardrail "guard"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("check does not say %q:\n%s", want, text)
		}
	}
}

func inherits(t *testing.T, db database, inherit bool) *tools.Tools {
	t.Helper()
	c := toolsConfig(t, db.open(t), &memory{}, "")
	p := &c.Platforms[0]
	p.Policies, p.Tags, p.Discoverable, p.Inherit, p.AcceptAll = nil, nil, nil, inherit, true
	if err := form.Fragment("policies", `
- {name: staff, grant: [sales.*], to: everyone}
- {name: names a view, grant: [sales.v_named], to: everyone}
- {name: hide ssn, mask: [tag:PII], with: {constant: REDACTED}, except: group:Privacy}
- {name: hide email, mask: [sales.people.email], with: hash, except: group:Privacy}
- {name: own, mask: [sales.v_own.mine], with: null, except: group:Privacy}
- {name: region, filter: [sales.orders], where: region = 'EU'}
- {name: guard, guardrail: [sales.guarded], require: group:Privacy}
`, &p.Policies); err != nil {
		t.Fatal(err)
	}
	if err := form.Fragment("tags", "PII: [sales.people.ssn]", &p.Tags); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
