package sqlite

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/sqlite/sqltext"
)

// sqliteAttacks make sense to SQLite only.
var sqliteAttacks = []attack.Attack{
	{
		Family: "sqlite",
		Name:   "IN a table",
		SQL:    `SELECT 'LEAK' || 'ED' WHERE 731942 NOT IN (SELECT 1) AND ('Aber' || 'nathy', 731942) IN secret_salaries`,
	},
	{Family: "sqlite", Name: "a table as a string", SQL: `SELECT name FROM 'secret_salaries'`},
	{
		Family: "sqlite",
		Name:   "a common table expression as a string",
		SQL:    `WITH 'customer_orders' AS (SELECT name AS lastname FROM 'secret_salaries') SELECT lastname FROM 'customer_orders'`,
	},
	{
		Family: "sqlite",
		Name:   "a table function over a table",
		SQL:    `SELECT value FROM json_each((SELECT json_group_array(name) FROM secret_salaries))`,
	},
	{
		Family: "sqlite",
		Name:   "a table function over a masked column",
		SQL:    `SELECT value FROM customer_orders, json_each(json_array(lastname))`,
	},
	{Family: "sqlite", Name: "a table function of a table's name", SQL: `SELECT * FROM secret_salaries('x')`},
	{Family: "sqlite", Name: "rowid", SQL: `SELECT rowid, _rowid_, oid FROM customer_orders`},
	{Family: "sqlite", Name: "rowid of a hidden table", SQL: `SELECT 'LEAK' || 'ED' FROM secret_salaries WHERE rowid = 1`},
	{Family: "sqlite", Name: "not indexed", SQL: `SELECT lastname FROM customer_orders NOT INDEXED`},
	{Family: "sqlite", Name: "pages of the file", SQL: `SELECT data FROM sqlite_dbpage`},
	{Family: "sqlite", Name: "statistics of the file", SQL: `SELECT * FROM dbstat`},
	{Family: "sqlite", Name: "prepared statements", SQL: `SELECT sql FROM sqlite_stmt`},
	{Family: "sqlite", Name: "byte code", SQL: `SELECT * FROM bytecode('SELECT * FROM customer_orders')`},
	{Family: "sqlite", Name: "columns of the view", SQL: `SELECT * FROM pragma_table_xinfo('customer_orders')`},
	{Family: "sqlite", Name: "names of schemas", SQL: `SELECT name FROM pragma_database_list`},
	{Family: "sqlite", Name: "a pragma that changes something", SQL: `SELECT * FROM pragma_query_only(0)`},
	{Family: "sqlite", Name: "a file read", SQL: `SELECT readfile('/etc/passwd')`},
	{Family: "sqlite", Name: "a file written", SQL: `SELECT writefile('/tmp/deputy-attack', 'x')`},
	{Family: "sqlite", Name: "a tokenizer's address", SQL: `SELECT fts3_tokenizer('simple')`},
	{Family: "sqlite", Name: "the log", SQL: `SELECT sqlite_log(1, lastname) FROM customer_orders`},
	{Family: "sqlite", Name: "changes", SQL: `SELECT changes(), total_changes(), last_insert_rowid()`},
	{
		Family: "sqlite",
		Name:   "a slow exact product",
		SQL:    `SELECT decimal_mul(printf('%0200000d', 1), printf('%0200000d', 1))`,
	},
	{
		Family: "sqlite",
		Name:   "a slow search",
		SQL:    `SELECT instr(replace(printf('%0250000d', 0), '0', 'a'), replace(printf('%0120000d', 0), '0', 'a') || 'b')`,
	},
	{
		Family: "sqlite",
		Name:   "a slow pattern",
		SQL:    `SELECT replace(printf('%0250000d', 0), '0', 'a') LIKE '` + strings.Repeat("%a", 127) + `b'`,
	},
	{Family: "sqlite", Name: "a regular expression", SQL: `SELECT lastname REGEXP '^A' FROM customer_orders`},
	{Family: "sqlite", Name: "a slow series", SQL: `SELECT count(*) FROM generate_series(1, 9000000000)`},
	{Family: "sqlite", Name: "the masks' functions", SQL: `SELECT hash('Abe'), partial('Abe', 1, 1), deputy_hash('x')`},
	{Family: "sqlite", Name: "a parameter", SQL: `SELECT ?1, :a, @b, $c`},
	{
		Family: "sqlite",
		Name:   "a set operation's types",
		SQL:    `SELECT order_total FROM customer_orders UNION ALL SELECT lastname FROM customer_orders`,
	},
}

func TestSQLiteAttacks(t *testing.T) {
	enginetest.RunAttacks(t, fixture(t), sqliteAttacks)
}

// The rule that the guard does not have: "the table may be read from inside the view of its name". SQLite takes a
// common table expression for a view there. This is why the inner views have names that nobody can guess.
func TestACommonTableExpressionPassesForAView(t *testing.T) {
	path := newFile(t, dataset.Statements("")...)
	const attack = `WITH customer_orders AS (SELECT lastname FROM main.customer_orders) SELECT lastname FROM customer_orders`

	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(`CREATE TEMP VIEW customer_orders AS SELECT 'REDACTED' AS lastname FROM main.customer_orders`); err != nil {
		t.Fatal(err)
	}
	naive := func(action sqlite3.AuthorizerActionCode, table, column, schema, within string) sqlite3.AuthorizerReturnCode {
		if action == sqlite3.AUTH_SELECT || schema == "temp" || within == "customer_orders" {
			return sqlite3.AUTH_OK
		}
		return sqlite3.AUTH_DENY
	}
	if err := db.SetAuthorizer(naive); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Prepare(`SELECT lastname FROM main.customer_orders`); err == nil {
		t.Fatal("the naive rule does not even protect the table")
	}
	stmt, _, err := db.Prepare(attack)
	if err != nil || !stmt.Step() || stmt.ColumnText(0) != "Zimmerfeld" {
		t.Fatalf("the naive rule holds: then the guard could be simpler (%v)", err)
	}
	stmt.Close()

	// The same attack in a session of ours, by somebody who even knows what the file is called there.
	e := newEngine(t, path)
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	err = e.withFile(t.Context(), n.lure, func(c conn) error {
		if err := c.attach(e.uri, n.File); err != nil {
			t.Fatal(err)
		}
		known := strings.ReplaceAll(attack, "main.", sqltext.Quote(n.File)+".")
		s, err := e.vend(
			c,
			vending.Lease{SQL: known, Access: []entitlements.Access{open(t, e, "customer_orders", nil)}},
			n,
			time.Now(),
		)
		if err != nil {
			t.Fatal(err)
		}
		stmt, err := s.prepare()
		stmt.Close()
		return err
	})
	if !errors.Is(err, sqlite3.AUTH) {
		t.Errorf("a common table expression of the view's name reads the table: %v", err)
	}
}

// open is access to a whole table; masks are by column.
func open(
	t testing.TB,
	e *Engine,
	table string,
	masks map[string]entitlements.Mask,
	filters ...entitlements.Filter,
) entitlements.Access {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, ok := catalog.Table(entitlements.TableName{Schema: e.schema, Name: table})
	if !ok {
		t.Fatalf("there is no table %s", table)
	}
	a := entitlements.Access{Table: found.TableName, Filters: filters}
	for _, c := range found.Columns {
		access := entitlements.ColumnAccess{Column: c}
		if m, ok := masks[c.Name]; ok {
			access.Masks = []entitlements.AppliedMask{{Mask: m, Policy: "test"}}
		}
		a.Columns = append(a.Columns, access)
	}
	return a
}

func lease(sql string, access ...entitlements.Access) vending.Lease {
	return vending.Lease{
		ID:       "testtest",
		SQL:      sql,
		Access:   access,
		MaxRows:  100,
		MaxBytes: 1 << 20,
		Timeout:  10 * time.Second,
	}
}

var redacted = map[string]entitlements.Mask{"lastname": {Kind: entitlements.MaskConstant, Constant: "REDACTED"}}

var internalName = regexp.MustCompile(`v[0-9a-f]{32}|temp\.`)

// FuzzRun: whatever the text, no secret and no internal name reaches the caller, and the engine goes on.
func FuzzRun(f *testing.F) {
	for _, a := range append(attack.All(), sqliteAttacks...) {
		// From pieces of a secret that an attack brings along, a mutation makes the secret.
		if a.Family != "bomb" && !strings.Contains(a.SQL, "'Aber'") && !strings.Contains(a.SQL, "'LEAK'") {
			f.Add(a.SQL)
		}
	}
	path := newFile(f, dataset.Statements("")...)
	e := newEngine(f, path)
	orders := open(f, e, "customer_orders", redacted)
	f.Fuzz(func(t *testing.T, sql string) {
		l := lease(sql, orders)
		l.Timeout = 50 * time.Millisecond
		result, err := e.Run(t.Context(), l)
		told := fmt.Sprint(result.Columns, result.Rows)
		var refusal *vending.Error
		switch {
		case err == nil:
		case !errors.As(err, &refusal):
			t.Fatalf("the error is no *vending.Error: %v", err)
		case refusal.Code == vending.Unavailable:
			t.Errorf("a statement alone makes the platform unavailable: %v", err)
		default:
			told += refusal.Message
		}
		told = strings.ToLower(told)
		for _, s := range dataset.Secrets() {
			if s = strings.ToLower(s); strings.Contains(told, s) && !strings.Contains(strings.ToLower(sql), s) {
				t.Errorf("%q reveals %q", sql, s)
			}
		}
		if name := internalName.FindString(told); name != "" && !strings.Contains(sqltext.Fold(sql), name) ||
			strings.Contains(told, strings.ToLower(path)) {
			t.Errorf("%q reveals an internal name: %s", sql, told)
		}
		if refusal != nil && (refusal.Position < 0 || refusal.Position > len([]rune(sql))+1) {
			t.Errorf("%q has an error at %d", sql, refusal.Position)
		}
	})
}
