package sqlite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/ext/rtree"

	"deputy/entitlements"
	"deputy/vending/sqlite/sqltext"
)

// manifold is a file with one granted table, orders, and everything that a file can hide.
func manifold(t testing.TB, more ...string) string {
	t.Helper()
	path := newFile(t)
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := fts5.Register(db); err != nil {
		t.Fatal(err)
	}
	if err := rtree.Register(db); err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{
		`CREATE TABLE orders (k INTEGER PRIMARY KEY, name TEXT, salary INTEGER, one)`,
		`INSERT INTO orders VALUES (1, 'Abe', 10, 1), (2, 'Bea', 20, 1), (3, 'Cal', 30, 1)`,
		`CREATE INDEX by_salary ON orders (salary)`,
		`CREATE TABLE secret (k INTEGER, name TEXT)`, `INSERT INTO secret VALUES (1, 'hush'), (2, 'Bea')`,
		`CREATE INDEX part ON secret (name) WHERE k > 1`,
		`CREATE TABLE "quo""ted" (k INTEGER)`, `INSERT INTO "quo""ted" VALUES (1)`,
		`CREATE TABLE "it's" (k INTEGER)`, `INSERT INTO "it's" VALUES (1)`,
		`CREATE TABLE "[b]" (k INTEGER)`, `INSERT INTO "[b]" VALUES (1)`,
		"CREATE TABLE \"`\" (k INTEGER)", "INSERT INTO \"`\" VALUES (1)",
		`CREATE TABLE "ünï 表" (k INTEGER)`, `INSERT INTO "ünï 表" VALUES (1)`,
		`CREATE TABLE "select" (k INTEGER)`, `INSERT INTO "select" VALUES (1)`,
		`CREATE TABLE "temp" (k INTEGER)`, `INSERT INTO "temp" VALUES (1)`,
		`CREATE TABLE "" (k INTEGER)`, `INSERT INTO "" VALUES (1)`,
		`CREATE TABLE flat (k INTEGER PRIMARY KEY, name) WITHOUT ROWID`, `INSERT INTO flat VALUES (1, 'flat')`,
		`CREATE TABLE made (k INTEGER, twice AS (k * 2) STORED)`, `INSERT INTO made VALUES (1)`,
		`CREATE TABLE counted (k INTEGER PRIMARY KEY AUTOINCREMENT)`, `INSERT INTO counted VALUES (1)`,
		`CREATE TRIGGER tr AFTER INSERT ON secret BEGIN DELETE FROM counted; END`,
		`CREATE VIEW staff AS SELECT k, name FROM secret`,
		`CREATE VIRTUAL TABLE docs USING fts5(body)`, `INSERT INTO docs VALUES ('hush')`,
		`CREATE VIRTUAL TABLE areas USING rtree(k, x0, x1)`, `INSERT INTO areas VALUES (1, 2, 3)`,
		`ANALYZE`,
	}, more...) {
		if err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return path
}

// pasts are statements that get past a lease of orders, each if no lock at all is left.
var pasts = []string{
	`SELECT * FROM secret`, `SELECT name FROM secret`, `SELECT count(*) FROM secret`, `SELECT 1 FROM SECRET NOT INDEXED`,
	`SELECT k FROM orders WHERE name IN (SELECT name FROM secret)`, `SELECT (1, 'hush') IN secret`,
	`SELECT 1 WHERE EXISTS (SELECT 1 FROM secret WHERE name LIKE 'h%')`,
	`WITH c AS (SELECT * FROM secret) SELECT name FROM c`, `SELECT k FROM orders UNION SELECT k FROM secret`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN secret`, `SELECT count(*) FROM (SELECT 'hush' AS name) JOIN secret USING (name)`,
	`SELECT count(*) FROM orders NATURAL JOIN secret`, `SELECT orders.k FROM orders JOIN secret USING (k, name)`,
	`SELECT orders.k FROM orders NATURAL LEFT JOIN secret`, `SELECT count(*) FROM orders NATURAL FULL JOIN secret`,
	`SELECT count(*) FROM secret AS a NATURAL JOIN secret AS b`, `SELECT 1 WHERE EXISTS (SELECT 1 FROM orders NATURAL JOIN secret)`,
	`SELECT (SELECT count(*) FROM secret WHERE secret.k = orders.k) FROM orders`,
	`SELECT sum(k) OVER () FROM secret`, `SELECT max(k) FROM secret`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN "quo""ted"`, `SELECT count(*) FROM (SELECT 1 AS k) JOIN "quo""ted" USING (k)`,
	"SELECT count(*) FROM (SELECT 1 AS k) JOIN `quo\"ted` USING (k)", `SELECT count(*) FROM (SELECT 1 AS k) JOIN [quo"ted] USING (k)`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN "it's"`, `SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN 'it''s'`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN "[b]"`, "SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN ````",
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN "ünï 表"`, `SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN "SELECT"`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN temp`, `SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN ""`,
	`SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN flat`, `SELECT count(*) FROM (SELECT 2 AS twice) NATURAL JOIN made`,
	`SELECT count(*) FROM (SELECT 1 AS id) NATURAL JOIN docs_content`, `SELECT count(*) FROM docs_data`,
	`SELECT count(*) FROM (SELECT 1 AS nodeno) NATURAL JOIN areas_node`, `SELECT count(*) FROM areas_rowid`,
	`SELECT count(*) FROM (SELECT 'secret' AS tbl) JOIN sqlite_stat1 USING (tbl)`, `SELECT count(*) FROM sqlite_stat1`,
	`SELECT v.tbl FROM (SELECT 'secret' AS tbl) AS v NATURAL JOIN sqlite_stat1`, `SELECT tbl, stat FROM SQLITE_STAT1`,
	`SELECT count(*) FROM (SELECT 'secret' AS tbl) NATURAL JOIN sqlite_stat4`,
	`SELECT count(*) FROM (SELECT 1 AS seq) NATURAL JOIN sqlite_sequence`, `SELECT name FROM sqlite_sequence`,
	`SELECT count(*) FROM (SELECT 'orders' AS name) NATURAL JOIN sqlite_temp_schema`, `SELECT sql FROM sqlite_temp_master`,
	`SELECT count(*) FROM (SELECT 'orders' AS name) JOIN temp.sqlite_schema USING (name)`,
	`SELECT count(*) FROM (SELECT 'secret' AS name) NATURAL JOIN pragma_table_list`, `SELECT name FROM pragma_database_list`,
	`SELECT count(*) FROM (SELECT 2 AS seq) JOIN pragma_database_list USING (seq)`, `SELECT name FROM pragma_table_info('orders')`,
	`SELECT count(*) FROM (SELECT 1 AS cid) NATURAL JOIN pragma_table_xinfo('secret')`,
	`SELECT 1 + changes()`, `SELECT 1 + total_changes()`, `SELECT 1 + last_insert_rowid()`, `SELECT sqlite_source_id()`,
}

// locks are what keeps a statement inside its lease.
type locks struct{ names, authorizer, byteCode bool }

// leaks runs a statement in a session of a lease in which only some locks are left, and reports whether it tells
// anything.
func leaks(t *testing.T, e *Engine, l locks, sql string, access ...entitlements.Access) (leaked bool) {
	t.Helper()
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(e.withFile(t.Context(), n.lure, func(c conn) error {
		must(c.attach(e.uri, n.File))
		v, err := e.newVend(c, n, time.Now())
		must(err)
		if l.names {
			must(v.views(access))
		} else {
			for _, a := range access {
				public, err := v.inner(a)
				must(err)
				must(c.Exec(public))
			}
		}
		s, err := v.session(lease(sql, access...))
		must(err)
		if !l.authorizer {
			must(c.SetAuthorizer(nil))
		}
		var stmt *sqlite3.Stmt
		if l.byteCode {
			stmt, err = s.prepare()
		} else {
			stmt, err = c.prepareRead(s.text.SQL, nil)
		}
		if err != nil {
			return nil
		}
		defer stmt.Close()
		leaked = stmt.Step() && stmt.ColumnText(0) != "" && stmt.ColumnText(0) != "0"
		return nil
	}))
	return leaked
}

// The byte code alone stops everything, also where the other two locks are gone. The authorizer is not asked about
// joins by name, and names are of no use against what is not in the file: pragmas in the guise of tables, functions.
// With any two of the three, nothing passes; without the byte code, the joins by name that SQLite's own tables allow
// find nothing there.
func TestLocks(t *testing.T) {
	e := newEngine(t, manifold(t))
	orders := open(t, e, "orders", nil)
	for _, test := range []struct {
		name string
		locks
		leaks int // at least; 0: none
	}{
		{"all", locks{true, true, true}, 0},
		{"no authorizer", locks{true, false, true}, 0},
		{"no byte code", locks{true, true, false}, 0},
		{"no names", locks{false, true, true}, 0},
		{"byte code alone", locks{false, false, true}, 0},
		{"authorizer alone", locks{false, true, false}, 30},
		{"names alone", locks{true, false, false}, 5},
		{"none", locks{}, len(pasts)},
	} {
		var leaked []string
		for _, sql := range pasts {
			if leaks(t, e, test.locks, sql, orders) {
				leaked = append(leaked, sql)
			}
		}
		t.Logf("%s: %d of %d statements leak", test.name, len(leaked), len(pasts))
		switch {
		case test.leaks == 0 && len(leaked) > 0:
			t.Errorf("%s: %d leak:\n%s", test.name, len(leaked), strings.Join(leaked, "\n"))
		case len(leaked) < test.leaks:
			t.Errorf(
				"%s: %d leak, so these test nothing:\n%s",
				test.name,
				len(leaked),
				strings.Join(without(pasts, leaked), "\n"),
			)
		}
	}
}

// Every object of the file is hidden by the catalog, whatever it is and however it is called, and no two errors tell
// them apart.
func TestEveryNameHidden(t *testing.T) {
	e := newEngine(t, manifold(t))
	e.within(t, []entitlements.Access{open(t, e, "orders", nil)}, true, func(s *session, o objects) error {
		if err := s.SetAuthorizer(nil); err != nil {
			return err
		}
		for _, name := range o.names {
			stmt, err := s.prepareRead(`SELECT absent FROM `+sqltext.Quote(name), nil)
			stmt.Close()
			switch {
			case name == "orders":
			case err == nil || !strings.Contains(err.Error(), "no such table: temp."):
				t.Errorf("%s is not hidden: %v", name, err)
			}
		}
		if len(o.names) < 25 {
			t.Errorf("the file has only %d objects", len(o.names))
		}
		return nil
	})
}

// What is hidden when it is not granted is read when it is, whatever its name.
func TestOddNamesServed(t *testing.T) {
	e := newEngine(t, manifold(t))
	for _, table := range []string{"quo\"ted", "it's", "[b]", "`", "ünï 表", "select", "temp", "", "flat", "made", "counted", "secret"} {
		access := open(t, e, table, nil)
		for _, name := range []string{sqltext.Quote(table), "sales." + sqltext.Quote(table)} {
			result, err := e.asCaller(t, `SELECT k FROM `+name+` ORDER BY 1 LIMIT 1`, []entitlements.Access{access})
			if err != nil || len(result.Rows) != 1 || result.Rows[0][0] != int64(1) {
				t.Errorf("%s gives %v, %v", name, result.Rows, err)
			}
		}
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
