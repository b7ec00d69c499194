package load

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"
)

// greedsOnSQLite are what a greedy caller asks of SQLite, whose memory is not on Go's heap.
var greedsOnSQLite = []struct {
	name string
	sql  string
}{
	{"randomblob", `SELECT hex(randomblob(120000)) AS x FROM orders LIMIT %d + 1000`},
	{"zeroblob", `SELECT length(zeroblob(1000000000)) AS x, %d AS n`},
	{"printf", `SELECT printf('%%.*c', 250000, 'x') || %d AS x FROM orders`},
	{"group_concat", `SELECT group_concat(note || hex(randomblob(100))) AS x, %d AS n FROM orders`},
	{"sort of wide rows", `SELECT length(max(x)) AS l FROM (SELECT printf('%%200000d', id + %d) AS x FROM orders
		ORDER BY x DESC)`},
	{"endless recursion", `WITH RECURSIVE n(i, x) AS (SELECT %d, 'x' UNION SELECT i + 1, x || 'x' FROM n)
		SELECT max(length(x)) AS l FROM n`},
	{"distinct numbers", `WITH RECURSIVE n(i) AS (SELECT %d UNION SELECT i + 1 FROM n WHERE i < 9000000)
		SELECT count(DISTINCT i) AS c FROM n`},
}

func TestGreedyCallerOnSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Exec(`PRAGMA journal_mode = wal; CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
		INSERT INTO orders SELECT i, 'order ' || i FROM n`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, greed := range greedsOnSQLite {
		t.Run(greed.name, func(t *testing.T) {
			s := serve(t, fmt.Sprintf(`  shop: {engine: sqlite, path: "%s", schema: shop}`, file))
			greedy(
				t,
				s,
				24,
				func(n int) string { return fmt.Sprintf(greed.sql, n) },
				`SELECT note FROM orders WHERE id = %d`,
			)
		})
	}
}
