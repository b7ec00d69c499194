package sqlite

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
)

// A filter or a mask may look into a hidden table. The caller's own text still may not, by no lock alone.
func TestLookupConfined(t *testing.T) {
	e := newEngine(t, manifold(t))
	looks := expression.Part{SQL: `sales.orders.name IN (SELECT name FROM sales.secret)`}
	filtered := open(t, e, "orders", nil, entitlements.Filter{Policy: "p", Where: []expression.Part{looks}})
	masked := open(t, e, "orders", nil)
	null := entitlements.AppliedMask{Mask: entitlements.Mask{Kind: entitlements.MaskNull}, Policy: "p"}
	null.When = []expression.Part{looks}
	masked.Columns[2].Masks = []entitlements.AppliedMask{null}
	result, err := e.Run(t.Context(), lease(`SELECT k, salary FROM orders`, masked))
	if err != nil ||
		!reflect.DeepEqual(result.Rows, [][]any{{int64(1), int64(10)}, {int64(2), nil}, {int64(3), int64(30)}}) {
		t.Errorf("the mask shows %v, %v", result.Rows, err)
	}
	for _, access := range []entitlements.Access{filtered, masked} {
		for _, l := range []locks{{true, true, true}, {false, false, true}, {true, true, false}} {
			for _, sql := range pasts {
				if leaks(t, e, l, sql, access) {
					t.Errorf("with the locks %+v, past a lease that looks into secret: %s", l, sql)
				}
			}
		}
	}
	if result, err := e.Run(t.Context(), lease(`SELECT k FROM orders`, filtered)); err != nil ||
		!reflect.DeepEqual(result.Rows, [][]any{{int64(2)}}) {
		t.Errorf("the filter shows %v, %v", result.Rows, err)
	}
}

// Bare names mean the file's first attachment, so that the byte code tells the raw table from the inner view that reads
// it.
func TestRawTableConfined(t *testing.T) {
	e := newEngine(t, manifold(t))
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.withFile(t.Context(), n.lure, func(c conn) error {
		if err := c.attach(e.uri, n.File); err != nil {
			return err
		}
		s, err := e.vend(c, lease(`SELECT * FROM `+n.lure+`.orders`, open(t, e, "orders", nil)), n, time.Now())
		if err != nil {
			return err
		}
		if err := c.SetAuthorizer(nil); err != nil {
			return err
		}
		if _, err := s.prepare(); !errors.Is(err, errOutside) {
			t.Errorf("the raw table is read: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What SQLite prepares again may be another byte code than was checked.
func TestPreparedOnce(t *testing.T) {
	e := newEngine(t, manifold(t))
	for _, changed := range []bool{false, true} {
		l := lease(`SELECT k FROM orders`, open(t, e, "orders", nil))
		var result vending.Result
		err := e.withSession(t.Context(), l, e.cfg.MaxMemory, time.Now(), func(s *session) error {
			l.Recorded = func(context.Context) error {
				if changed {
					return s.SetAuthorizer(s.guard.authorize)
				}
				return nil
			}
			return s.read(t.Context(), l, &result)
		})
		if changed != errors.Is(err, errChanged) || changed != (result.Rows == nil) {
			t.Errorf("changed: %t. The statement gives %v, %v", changed, result.Rows, err)
		}
	}
}

// A call sees one state of the file: pages that move to another table after the check are not what it reads.
func TestFileChangesWhileRunning(t *testing.T) {
	path := newFile(t, `PRAGMA journal_mode = wal`, `CREATE TABLE secret (x)`, `INSERT INTO secret VALUES ('hush')`,
		`CREATE TABLE orders (x)`, `INSERT INTO orders VALUES ('shown')`)
	e := newEngine(t, path)
	l := lease(`SELECT x FROM orders NATURAL JOIN (SELECT 'shown' AS x UNION SELECT 'hush')`, open(t, e, "orders", nil))
	l.Recorded = func(context.Context) error {
		administer(
			t,
			path,
			`CREATE INDEX i ON orders (x)`,
			`DROP INDEX i`,
			`ALTER TABLE orders RENAME TO kept`,
			`ALTER TABLE secret RENAME TO orders`,
			`CREATE INDEX i ON orders (x)`,
			`ANALYZE`,
		)
		return nil
	}
	result, err := e.Run(t.Context(), l)
	if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{"shown"}}) {
		t.Errorf("the statement gives %v, %v", result.Rows, err)
	}
}

// A writer that waits for a session to end does not make it wait in turn.
func TestWriterWaits(t *testing.T) {
	path := newFile(t, `CREATE TABLE orders (x)`, `INSERT INTO orders VALUES (1)`)
	e := newEngine(t, path)
	writer, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	l := lease(`SELECT absent FROM orders`, open(t, e, "orders", nil))
	err = e.withSession(t.Context(), l, e.cfg.MaxMemory, time.Now(), func(s *session) error {
		if err := writer.Exec(`BEGIN IMMEDIATE; INSERT INTO orders VALUES (2); COMMIT`); !errors.Is(err, sqlite3.BUSY) {
			t.Errorf("the writer does not wait: %v", err)
		}
		stmt, err := s.prepare()
		stmt.Close()
		if err := s.SetAuthorizer(nil); err != nil {
			return err
		}
		if err := s.query(`PRAGMA busy_timeout`, func(r row) {
			if r.ColumnInt(0) != 0 {
				t.Errorf("the session waits for %d ms", r.ColumnInt(0))
			}
		}); err != nil {
			return err
		}
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "no such column") {
		t.Errorf("beside a writer that waits, the statement ends with %v", err)
	}
}

// The record of a statement names every table that it reads, however it comes to read it.
func TestAnalysisNamesTables(t *testing.T) {
	e := newEngine(t, manifold(t))
	for sql, want := range map[string][]string{
		`SELECT count(*) FROM secret`: {"secret"}, `SELECT count(*) FROM (SELECT 1 AS k) NATURAL JOIN secret`: {"secret"},
		`SELECT count(*) FROM orders NATURAL JOIN secret`: {"orders", "secret"}, `SELECT 1 FROM flat NATURAL JOIN sales.made`: {"flat", "made"},
		`SELECT count(*) FROM "ünï 表" JOIN "select" USING (k)`: {"select", "ünï 表"}, `SELECT 1 FROM "" NATURAL JOIN temp`: {"", "temp"},
		`WITH secret AS (SELECT 1 AS k) SELECT count(*) FROM secret`: {}, `WITH secret AS (SELECT 1 AS k) SELECT 1 FROM secret NATURAL JOIN orders`: {"orders"},
		`WITH unused AS (SELECT * FROM secret) SELECT count(*) FROM orders`: {"orders"},
		`SELECT 1 FROM orders LEFT JOIN counted USING (k)`:                  {"counted", "orders"}, `SELECT k IN (SELECT k FROM secret) FROM orders`: {"orders", "secret"},
	} {
		s, err := e.Analyze(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		got := []string{}
		for _, use := range s.Tables {
			got = append(got, use.Table.Name)
		}
		if !slices.Equal(got, want) || vending.Gate(s) != nil {
			t.Errorf("%s reads %q, not %q; refused: %v", sql, got, want, s.Forbidden)
		}
	}
	for _, sql := range []string{
		`SELECT count(*) FROM (SELECT 1 AS seq) NATURAL JOIN sqlite_sequence`, `SELECT count(*) FROM (SELECT 'a' AS tbl) NATURAL JOIN sales.sqlite_stat1`,
		`SELECT count(*) FROM (SELECT 1 AS id) NATURAL JOIN docs_content`, `SELECT count(*) FROM (SELECT 'x' AS name) NATURAL JOIN sqlite_temp_schema`,
		`SELECT count(*) FROM (SELECT 'x' AS name) NATURAL JOIN pragma_table_list`, `SELECT count(*) FROM (SELECT 'x' AS name) NATURAL JOIN sales.sqlite_schema`,
		`SELECT 1 WHERE 1 = 2 AND EXISTS (SELECT 1 FROM (SELECT 1 AS seq) NATURAL JOIN sqlite_sequence)`,
	} {
		if s, err := e.Analyze(t.Context(), sql); err == nil && vending.Gate(s) == nil {
			t.Errorf("%s is analysed as an ordinary read of %v", sql, s.Tables)
		}
	}
}

// explain refuses what only writes or administration does.
func TestProgramRefused(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (a)`))
	if err := e.withFile(t.Context(), "s", func(c conn) error {
		if err := c.Exec(`CREATE TEMP TABLE x (a)`); err != nil {
			return err
		}
		for _, sql := range []string{
			`INSERT INTO temp.x VALUES (1)`, `DELETE FROM temp.x`, `CREATE TEMP TABLE y (a)`, `DROP TABLE temp.x`, `PRAGMA temp.integrity_check`,
			`PRAGMA user_version`, `PRAGMA page_count`, `BEGIN`, `VACUUM`, `ANALYZE temp`, `ATTACH '' AS z`,
		} {
			if p, err := c.explain(sql); !errors.Is(err, errProgram) && !errors.Is(err, sqlite3.ERROR) {
				t.Errorf("%s passes for a read: %+v, %v", sql, p, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// The tables behind a virtual table hold copies of what it indexes. They are no more governed than it is.
func TestShadowTablesUngoverned(t *testing.T) {
	e := newEngine(t, manifold(t, `CREATE TABLE docs_note (a)`, `CREATE TABLE made_data (a)`))
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range catalog.Tables {
		if strings.HasPrefix(table.Name, "docs") || strings.HasPrefix(table.Name, "areas") ||
			strings.HasSuffix(table.Name, "_data") {
			got = append(got, table.Name)
		}
	}
	if !slices.Equal(got, []string{"docs_note", "made_data"}) {
		t.Errorf("governed are %q", got)
	}
}

// The instructions of reads of every kind are known.
func TestOrdinaryReads(t *testing.T) {
	e := newEngine(t, newFile(
		t,
		`CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT COLLATE NOCASE, c REAL, j TEXT, twice AS (a * 2), d AS (a + 1) STORED)`,
		`CREATE TABLE w (a INTEGER, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID, STRICT`,
		`CREATE INDEX ia ON t (a)`,
		`CREATE INDEX ib ON t (b, c)`,
		`CREATE INDEX ie ON t (a + c)`,
		`CREATE INDEX ip ON t (c) WHERE a > 1`,
		`INSERT INTO t (a, b, c, j) VALUES (1, 'x', 1.5, '{"k": [1, 2]}'), (2, 'Y', NULL, '[]'), (NULL, 'z', 3, NULL)`,
		`INSERT INTO w VALUES (1, 'x'), (2, 'y')`,
		`ANALYZE`,
	))
	access := []entitlements.Access{open(t, e, "t", nil), open(t, e, "w", nil)}
	for _, sql := range []string{
		`SELECT * FROM t WHERE a = 1 OR b = 'y' OR c > 2`, `SELECT * FROM t WHERE a IN (1, 2, 3) AND c IS NOT NULL ORDER BY c DESC`,
		`SELECT a, count(*) FILTER (WHERE c > 1), group_concat(b, ',' ORDER BY b DESC), count(DISTINCT b) FROM t GROUP BY a HAVING count(*) > 0`,
		`SELECT sum(a) OVER w, lag(a, 1, 0) OVER w, ntile(2) OVER w, first_value(b) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
			FROM t WINDOW w AS (PARTITION BY b ORDER BY a)`,
		`SELECT max(c) OVER (ORDER BY a GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM t`,
		`SELECT total(c) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM t`,
		`WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 5 ORDER BY 1 LIMIT 4) SELECT n, t.b FROM r LEFT JOIN t ON t.a = r.n`,
		`WITH c AS MATERIALIZED (SELECT a FROM t), d AS NOT MATERIALIZED (SELECT a FROM w) SELECT * FROM c JOIN d USING (a) JOIN c AS e USING (a)`,
		`SELECT t.id, j.key, j.value, j.path FROM t, json_each(t.j) AS j UNION ALL SELECT 1, key, value, path FROM json_tree('{"a": [1]}')`,
		`SELECT t.a, s.value FROM t, generate_series(1, t.a) AS s`, `SELECT j ->> '$.k[0]', json_extract(j, '$.k'), json_group_array(json(j)) FROM t GROUP BY a`,
		`SELECT * FROM t RIGHT JOIN w ON t.a = w.a`, `SELECT * FROM t FULL JOIN w USING (a, b)`, `SELECT (a, b) = (1, 'x'), (a, b) IN (SELECT a, b FROM w) FROM t`,
		`SELECT DISTINCT b COLLATE BINARY FROM t ORDER BY 1`, `SELECT a FROM t INTERSECT SELECT a FROM w EXCEPT SELECT 9 ORDER BY 1 LIMIT 1 OFFSET 1`,
		`SELECT a IS DISTINCT FROM c, NOT a, ~a, -a, a << 1, a | 2, a % 2, a || b, a BETWEEN 1 AND 2, b LIKE 'x%' ESCAPE '!', b GLOB '[x-z]' FROM t`,
		`SELECT CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE CAST(c AS TEXT) END, iif(a, 1, 2), coalesce(c, a), nullif(a, 1) FROM t`,
		`SELECT min(a), max(a) FROM t`, `SELECT max(a), b FROM t`, `SELECT count(*) FROM w`, `SELECT * FROM w WHERE a = 1 AND b >= 'a'`,
		`SELECT strftime('%Y', '2026-01-01'), date('now'), round(1.5), printf('%d', 3), hex('a'), upper('a')`, `VALUES (1, 'a'), (2, 'b')`,
		`SELECT * FROM t WHERE EXISTS (SELECT 1 FROM w WHERE w.a = t.a AND w.b > t.b) AND NOT EXISTS (SELECT 1 FROM w WHERE w.a = t.d)`,
		`SELECT (SELECT b FROM w WHERE w.a = t.a ORDER BY b LIMIT 1) FROM t WHERE a IN (SELECT a FROM w WHERE b IN (SELECT b FROM t))`,
		`SELECT x.a, y.a, z.a FROM t x, t y, w z WHERE x.a = y.d AND y.b = z.b AND z.a <> x.id`, `SELECT a FROM t WHERE a + c > 1 ORDER BY a + c`,
		`SELECT * FROM (SELECT a, row_number() OVER (ORDER BY a) AS n FROM t) WHERE n = 1`, `SELECT a FROM t ORDER BY b, c LIMIT 2 OFFSET 1`,
		`SELECT a FROM t WHERE id > 1 AND id < 5`, `SELECT twice, d FROM t WHERE id = 1`, `SELECT sum(DISTINCT a), avg(a), string_agg(b, '-') FROM t`,
	} {
		if _, err := e.Run(t.Context(), lease(sql, access...)); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		if s, err := e.Analyze(t.Context(), sql); err != nil || vending.Gate(s) != nil {
			t.Errorf("%s is not analysed as a read: %+v, %v", sql, s, err)
		}
	}
}
