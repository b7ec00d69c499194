package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

// momentSeed has a row for every hour of the last ten thousand and the next hundred, in each type of date and time
// there is.
const momentSeed = `CREATE SCHEMA sales;
CREATE TABLE sales.moments AS SELECT i AS hour, (now() + i * interval '1 hour')::date AS day, localtimestamp + i * interval '1 hour' AS naive,
  (now() + i * interval '1 hour')::timestamptz(0) AS exact FROM generate_series(-10000, 100) AS i;
INSERT INTO sales.moments VALUES (0, 'infinity', 'infinity', 'infinity'), (0, '-infinity', '-infinity', '-infinity'), (0, NULL, NULL, NULL);
CREATE INDEX ON sales.moments (day); CREATE INDEX ON sales.moments (naive); CREATE INDEX ON sales.moments (exact); ANALYZE sales.moments;`

func access(t *testing.T, e *postgres.Engine, table string, filters ...entitlements.Filter) entitlements.Access {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, _ := catalog.Table(entitlements.TableName{Schema: "sales", Name: table})
	out := entitlements.Access{Table: found.TableName, Filters: filters}
	for _, c := range found.Columns {
		out.Columns = append(out.Columns, entitlements.ColumnAccess{Column: c})
	}
	return out
}

func ask(t *testing.T, e *postgres.Engine, sql string, a entitlements.Access) string {
	t.Helper()
	result, err := e.Run(
		t.Context(),
		vending.Lease{
			ID:       "filtered001",
			SQL:      sql,
			Access:   []entitlements.Access{a},
			MaxRows:  100,
			MaxBytes: 1 << 20,
			Timeout:  20 * time.Second,
		},
	)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out []string
	for _, row := range result.Rows {
		out = append(out, strings.Trim(fmt.Sprint(row), "[]"))
	}
	return strings.Join(out, "\n")
}

func TestWithinHoldsForEveryTypeAndUsesAnIndex(t *testing.T) {
	e := newEngine(t, newDatabase(t, momentSeed), "sales")
	for _, column := range access(t, e, "moments").Columns[1:] {
		within := entitlements.Filter{
			Policy: "recent",
			Within: &entitlements.Within{Column: column.Column, Last: 50 * time.Hour},
		}
		// A day is whole: 50 hours reach back to the start of the day before yesterday.
		question := `SELECT count(*) BETWEEN 49 AND 51 FROM moments`
		if column.Kind == entitlements.Date {
			question = `SELECT count(*) BETWEEN 48 AND 74 AND max(day) - min(day) = 2 FROM moments`
		}
		if got := ask(t, e, question, access(t, e, "moments", within)); got != "true" {
			t.Errorf(
				"%s within 50 hours: %s",
				column.Type,
				ask(t, e, `SELECT count(*), min(hour), max(hour) FROM moments`, access(t, e, "moments", within)),
			)
		}
		plan := ask(t, e, `EXPLAIN SELECT hour FROM moments`, access(t, e, "moments", within))
		if !strings.Contains(plan, "Index Cond: ((moments."+column.Name+" >=") &&
			!strings.Contains(plan, "Index Cond: (("+column.Name+" >=") {
			t.Errorf("%s within 50 hours does not use the index:\n%s", column.Type, plan)
		}
	}
}

const manySeed = `CREATE SCHEMA sales;
CREATE TABLE sales.many AS SELECT i AS id, 'ärger ' || i AS note, date '2026-01-01' + i AS day, i * 0.1::float8 AS ratio, i * interval '1 hour' AS age,
  timestamptz '2026-01-01 00:00Z' + i * interval '1 hour' AS at, convert_to(i::text, 'UTF8') AS raw FROM generate_series(1, 1000) AS i;`

// Whatever a statement sets before or while it reads, it never gets to see rows beyond the sample. The gate refuses
// set_config; here it is not asked.
func TestNoSettingDrawsAnotherSample(t *testing.T) {
	e := newEngine(t, newDatabase(t, manySeed), "sales")
	sample := access(
		t,
		e,
		"many",
		entitlements.Filter{Policy: "sample", Sample: &entitlements.Sample{PerMillion: 100_000}},
	)
	plain := strings.Fields(ask(t, e, `SELECT string_agg(id::text, ' ') FROM many`, sample))
	if len(plain) < 40 || len(plain) > 160 {
		t.Fatalf("10%% of 1,000 rows are %d", len(plain))
	}
	inSample := map[string]bool{}
	for _, id := range plain {
		inSample[id] = true
	}
	for _, setting := range []string{
		`'datestyle', 'German, DMY'`, `'timezone', 'Asia/Kathmandu'`, `'intervalstyle', 'iso_8601'`, `'bytea_output', 'escape'`, `'extra_float_digits', '-5'`, `'client_encoding', 'LATIN1'`,
	} {
		for _, sql := range []string{
			`WITH s AS MATERIALIZED (SELECT set_config(` + setting + `, true)) SELECT string_agg(id::text, ' ') FROM s, many`,
			`SELECT string_agg(id::text, ' ') FROM (SELECT id, set_config(` + setting + `, true) AS s FROM many OFFSET 0) m WHERE s <> ''`,
		} {
			for _, id := range strings.Fields(strings.ReplaceAll(ask(t, e, sql, sample), "<nil>", "")) {
				if !inSample[id] {
					t.Errorf("%s shows row %s, which is not in the sample", sql, id)
				}
			}
		}
	}
}
