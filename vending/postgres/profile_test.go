package postgres_test

import (
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending/enginetest/profiling"
)

func TestProfile(t *testing.T) {
	profiling.Run(
		t,
		newEngine(t, newDatabase(t, "CREATE SCHEMA sales;"+strings.Join(profiling.Seed("sales."), ";")), "sales"),
	)
}

// Every type can be looked at: whatever it is, it has a text.
func TestProfileOfEveryType(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(t, `CREATE SCHEMA sales; CREATE DOMAIN sales.address AS text; CREATE TYPE sales.pair AS (a int, b text);
		CREATE TABLE sales.types (a sales.address, b inet, c jsonb, d text[], e bytea, f uuid, g sales.pair, h interval, i char(40), j boolean, k xml, l varchar(30), m int4range);
		INSERT INTO sales.types VALUES ('ann@example.com', '10.0.0.1', '{"a": 1}', '{x}', '\x00', gen_random_uuid(), (1, 'x'), '1 day', 'ann@example.com', true, '<a/>', '+4915112345678', '[1,2)')`),
		"sales",
	)
	p, err := e.Profile(t.Context(), "profile00002", entitlements.TableName{Schema: "sales", Name: "types"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range p.Columns {
		for pattern, n := range c.Hits {
			if n == 1 {
				got[c.Name] += pattern
			}
		}
	}
	if len(got) != 4 || got["a"] != "email" || got["b"] != "ip" || got["i"] != "email" || got["l"] != "phone" {
		t.Errorf("what looks like something is %v", got)
	}
}
