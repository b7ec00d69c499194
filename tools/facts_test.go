package tools_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
)

// facts are tables of every kind that PostgreSQL has.
const facts = `
CREATE TYPE state AS ENUM ('open', 'in transit', 'o''clock'); CREATE DOMAIN low AS integer CHECK (VALUE < 10);
CREATE DOMAIN lower AS low NOT NULL;
CREATE TABLE parcels (id integer PRIMARY KEY, state state, states state[], hidden state, sometimes state, level lower,
  weight numeric(8,2), day date);
INSERT INTO parcels VALUES (1, 'open', '{open}', 'open', 'open', 1, 2.5, '2026-01-01');
CREATE VIEW seen AS SELECT * FROM parcels; CREATE MATERIALIZED VIEW kept AS SELECT id FROM parcels;
CREATE TABLE parted (id integer) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE TABLE p2 PARTITION OF parted FOR VALUES FROM (9) TO (99);
INSERT INTO parted VALUES (1), (2), (10);
CREATE TABLE guarded (id integer); INSERT INTO guarded VALUES (1); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE parcels IS 'what is sent'; ANALYZE;
`

const factsPolicies = `
- {name: all, grant: [sales], to: group:Marketing}
- {name: hide, mask: [sales.parcels.hidden, sales.parcels.level], with: null}
- {name: some, mask: [sales.parcels.sometimes], with: null, when: id > 1}
- {name: size, mask: [sales.parcels.weight], with: {bucket: [{below: 3, name: light}, {name: heavy}]}}
`

// TestDescribedFacts holds kinds, sizes, types and labels on PostgreSQL, and that types are those of answers.
func TestDescribedFacts(t *testing.T) {
	e := postgresWith(t, "sales", facts)
	p := platforms.Config{Name: "shop", Engine: e, Discoverable: entitlements.Selectors{"sales"}}
	if err := form.Fragment("policies", factsPolicies, &p.Policies); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Platforms: []platforms.Config{p}, Audit: &memory{}, Log: zerolog.Nop(),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	who := as("taylor", "Marketing")
	for table, want := range map[string]string{
		"parcels": "table 1", "seen": "view -", "kept": "materialized view 1", "parted": "partitioned table 3",
		"guarded": "table -",
	} {
		d := described(t, made, who, table)
		rows := "-"
		if d.Rows != nil {
			rows = fmt.Sprint(*d.Rows)
		}
		if got := d.Kind + " " + rows; got != want {
			t.Errorf("%s is a %s, not a %s", table, got, want)
		}
	}
	d := described(t, made, who, "parcels")
	if d.Description != "what is sent" {
		t.Errorf("the comment is %q", d.Description)
	}
	labels := "[open in transit o'clock]"
	for i, want := range []string{
		"id integer []", "state sales.state " + labels, "states sales.state[] " + labels, "hidden sales.state []",
		"sometimes sales.state " + labels, "level integer []", "weight text []", "day date []",
	} {
		if c := d.Columns[i]; fmt.Sprint(c.Name, " ", c.Type, " ", c.Labels) != want {
			t.Errorf("the column is %s %s %v, not %s", c.Name, c.Type, c.Labels, want)
		}
	}
	closed := described(t, made, as("sam"), "parcels")
	if !closed.Requestable || closed.Columns[1].Labels != nil || closed.Rows != nil {
		t.Errorf("what is closed is described as %+v", closed)
	}
	r, err := made.Query(t.Context(), who, tools.QueryArgs{SQL: "SELECT level, weight, day FROM parcels"})
	if err != nil || fmt.Sprint(r.Columns[0].Type, r.Columns[1].Type, r.Columns[2].Type) != "int4textdate" {
		t.Errorf("the answer's types are %+v (%v)", r, err)
	}
}
