package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
)

// SQLite's authorizer is not asked about columns that only a USING or a NATURAL JOIN uses.

func joinable(t *testing.T) *Engine {
	return newEngine(t, newFile(t, `CREATE TABLE a (k INTEGER, x TEXT)`, `CREATE TABLE b (k INTEGER, y TEXT)`,
		`INSERT INTO a VALUES (1, 'one'), (2, 'two')`, `INSERT INTO b VALUES (2, 'zwei'), (3, 'drei')`,
		`CREATE TABLE "quo""ted" (k INTEGER)`, `INSERT INTO "quo""ted" VALUES (1)`, `CREATE INDEX ia ON a (k)`, `ANALYZE`))
}

func TestJoinByNameTables(t *testing.T) {
	e := joinable(t)
	for _, sql := range []string{
		`SELECT count(*) FROM a JOIN b USING (k)`, `SELECT x, y FROM a JOIN b USING (k)`, `SELECT * FROM a JOIN b USING (k)`,
		`SELECT count(*) FROM a NATURAL JOIN b`, `SELECT x, y FROM a NATURAL JOIN b`, `SELECT x FROM a NATURAL LEFT JOIN b WHERE y IS NULL`,
		`SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b NATURAL JOIN a)`, `SELECT x FROM a JOIN sales.b USING (k)`,
		`SELECT 1 WHERE 1 = 2 AND EXISTS (SELECT 1 FROM a NATURAL JOIN b)`, `SELECT 1 WHERE 1 = 2 AND EXISTS (SELECT 1 FROM sales.a JOIN "b" USING (k))`,
		"SELECT 1 FROM a natural/**/join b", "SELECT 1 FROM a \ufeffNATURAL JOIN b", `SELECT 1 FROM a JOIN b uSiNg(k)`,
		`WITH a AS (SELECT k, x FROM sales.a) SELECT x FROM a NATURAL JOIN b`,
	} {
		s, err := e.Analyze(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		for _, table := range []string{"a", "b"} {
			i := slices.IndexFunc(s.Tables, func(u vending.TableUse) bool { return u.Table.Name == table })
			if i < 0 || !s.Tables[i].All || len(s.Tables[i].Columns) != 2 {
				t.Errorf("%s: the analysis does not say that it uses the whole of %s: %+v", sql, table, s.Tables)
			}
		}
		if len(s.Tables) != 2 || vending.Gate(s) != nil {
			t.Errorf("%s: the analysis finds other tables than two, or something to refuse: %+v", sql, s)
		}
	}
}

func TestJoinByNameConfined(t *testing.T) {
	e := joinable(t)
	access := open(t, e, "a", nil)
	for _, sql := range []string{
		`SELECT count(*) FROM (SELECT 'a' AS tbl) AS v JOIN sqlite_stat1 USING (tbl)`,
		`SELECT v.tbl FROM (SELECT 'b' AS tbl) AS v NATURAL JOIN sqlite_stat1`,
		`SELECT count(*) FROM (SELECT 'a' AS name) AS v JOIN sqlite_temp_schema USING (name)`,
		`SELECT count(*) FROM (SELECT 1 AS k) AS v JOIN "quo""ted" USING (k)`,
		`SELECT count(*) FROM (SELECT 1 AS k) AS v NATURAL JOIN "quo""ted"`,
	} {
		if result, err := e.Run(t.Context(), lease(sql, access)); err == nil {
			t.Errorf("%s is run, and gives %v", sql, result.Rows)
		}
		if s, err := e.Analyze(t.Context(), sql); err == nil && vending.Gate(s) == nil {
			t.Errorf("%s passes the gate", sql)
		}
	}
}

func TestJoinByNameRows(t *testing.T) {
	e := newEngine(t, newFile(
		t,
		`CREATE TABLE animal(animal_id INTEGER PRIMARY KEY, name TEXT, zoo_id INTEGER, born TEXT, weight REAL)`,
		`CREATE TABLE zoo(zoo_id INTEGER PRIMARY KEY, city TEXT)`,
		`CREATE TABLE keeper(keeper_id INTEGER PRIMARY KEY, zoo_id INTEGER, born TEXT)`,
		`INSERT INTO zoo VALUES (1, 'Bern'), (2, 'Ulm'), (3, 'Graz')`,
		`INSERT INTO animal VALUES (1, 'Leo', 1, '2019-05-01', 180.5), (2, 'Mia', 1, '2020-06-01', 3.2), (3, 'Kai', 2, '2019-05-01', 55)`,
		`INSERT INTO keeper VALUES (1, 1, '2019-05-01'), (2, 2, '1990-01-01')`,
	))
	shown := map[string]entitlements.Mask{"born": {Kind: entitlements.MaskConstant, Constant: "then"}}
	for _, test := range []struct {
		sql, want string
		masks     map[string]entitlements.Mask
	}{
		{`SELECT name, city FROM animal JOIN zoo USING (zoo_id) ORDER BY 1`, `[[Kai Ulm] [Leo Bern] [Mia Bern]]`, nil},
		{`SELECT count(*) FROM animal JOIN zoo USING (zoo_id)`, `[[3]]`, nil},
		{`SELECT name, city FROM animal NATURAL JOIN zoo ORDER BY 1`, `[[Kai Ulm] [Leo Bern] [Mia Bern]]`, nil},
		{`SELECT count(name), count(city) FROM animal NATURAL JOIN zoo`, `[[3 3]]`, nil},
		{`SELECT name, keeper_id FROM animal NATURAL JOIN keeper ORDER BY 1`, `[[Leo 1]]`, nil},
		{`SELECT city, count(animal_id) FROM zoo LEFT JOIN animal USING (zoo_id) GROUP BY city ORDER BY 1`, `[[Bern 2] [Graz 0] [Ulm 1]]`, nil},
		{`SELECT city FROM zoo NATURAL LEFT JOIN animal WHERE name IS NULL`, `[[Graz]]`, nil},
		{`SELECT a.name, z.city FROM animal a JOIN zoo z ON a.zoo_id = z.zoo_id ORDER BY 1`, `[[Kai Ulm] [Leo Bern] [Mia Bern]]`, nil},
		{`SELECT * FROM animal NATURAL JOIN zoo ORDER BY 1`,
			`[[1 Leo 1 2019-05-01 180.5 Bern] [2 Mia 1 2020-06-01 3.2 Bern] [3 Kai 2 2019-05-01 55 Ulm]]`, nil},
		{`SELECT name FROM animal FULL JOIN zoo USING (zoo_id) ORDER BY 1`, `[[<nil>] [Kai] [Leo] [Mia]]`, nil},
		{`SELECT name, keeper_id FROM animal NATURAL JOIN keeper ORDER BY 1`, `[[Kai 2] [Leo 1] [Mia 1]]`, shown},
		{`SELECT count(*) FROM animal JOIN keeper USING (born)`, `[[6]]`, shown},
		{`SELECT DISTINCT born FROM animal JOIN keeper USING (born)`, `[[then]]`, shown},
	} {
		var access []entitlements.Access
		for _, table := range []string{"animal", "zoo", "keeper"} {
			access = append(access, open(t, e, table, test.masks))
		}
		result, err := e.asCaller(t, test.sql, access)
		if got := fmt.Sprint(result.Rows); err != nil || got != test.want {
			t.Errorf("%s\ngives %s, not %s (%v)", test.sql, got, test.want, err)
		}
	}
}
