package sqlite

import (
	"testing"

	"github.com/ncruces/go-sqlite3"
)

func TestGuard(t *testing.T) {
	g := &guard{
		file: "vfile", granted: set("orders"), inner: set("vinner"), masks: set("vmask"),
	}
	const read, function = sqlite3.AUTH_READ, sqlite3.AUTH_FUNCTION
	for _, test := range []struct {
		name                          string
		action                        sqlite3.AuthorizerActionCode
		third, fourth, schema, within string
		want                          sqlite3.AuthorizerReturnCode
	}{
		{"SELECT itself", sqlite3.AUTH_SELECT, "", "", "", "", sqlite3.AUTH_OK},
		{"recursion", sqlite3.AUTH_RECURSIVE, "", "", "", "n", sqlite3.AUTH_OK},

		{"a public view", read, "orders", "id", "temp", "", sqlite3.AUTH_OK},
		{"a public view in another case", read, "Orders", "id", "temp", "", sqlite3.AUTH_OK},
		{"a public view of which no column is used", read, "orders", "", "", "", sqlite3.AUTH_OK},
		{"an inner view from its public one", read, "vinner", "id", "temp", "orders", sqlite3.AUTH_OK},
		{"the file from an inner view", read, "orders", "id", "vfile", "vinner", sqlite3.AUTH_OK},
		{"a hidden table from an inner view: a filter may look there", read, "salaries", "name", "vfile", "vinner", sqlite3.AUTH_OK},
		{"a common table expression", read, "c", "", "", "", sqlite3.AUTH_OK},
		{"a table function", read, "json_each", "value", "main", "", sqlite3.AUTH_OK},

		{"the file from the statement", read, "orders", "id", "vfile", "", sqlite3.AUTH_DENY},
		{"the file from a common table expression of the view's name", read, "orders", "id", "vfile", "orders", sqlite3.AUTH_DENY},
		{"a hidden table from the statement", read, "salaries", "name", "vfile", "", sqlite3.AUTH_DENY},
		{"a hidden table of which no column is used, in the file", read, "salaries", "", "vfile", "", sqlite3.AUTH_DENY},
		{"another temporary table", read, "other", "id", "temp", "", sqlite3.AUTH_DENY},
		{"the schema table", read, "sqlite_master", "sql", "main", "", sqlite3.AUTH_DENY},
		{"the temporary schema table", read, "sqlite_temp_master", "sql", "temp", "", sqlite3.AUTH_DENY},
		{"the file's schema table from an inner view", read, "sqlite_master", "sql", "vfile", "vinner", sqlite3.AUTH_DENY},
		{"the schema table of which no column is used", read, "sqlite_schema", "", "", "", sqlite3.AUTH_DENY},
		{"a pragma", read, "pragma_database_list", "file", "main", "", sqlite3.AUTH_DENY},
		{"a pragma of which no column is used", read, "pragma_database_list", "", "", "", sqlite3.AUTH_DENY},
		{"another table of main", read, "dbstat", "name", "main", "", sqlite3.AUTH_DENY},
		{"the file under its other name, which bare names mean", read, "orders", "id", "vlure", "vinner", sqlite3.AUTH_DENY},
		{"another schema", read, "orders", "id", "other", "vinner", sqlite3.AUTH_DENY},

		{"a function of the list", function, "", "UPPER", "", "", sqlite3.AUTH_OK},
		{"a mask in an inner view", function, "", "vmask", "", "vinner", sqlite3.AUTH_OK},
		{"a mask in the statement", function, "", "vmask", "", "", sqlite3.AUTH_DENY},
		{"a mask in a public view", function, "", "vmask", "", "orders", sqlite3.AUTH_DENY},
		{"another function", function, "", "changes", "", "", sqlite3.AUTH_DENY},
		{"another function in an inner view", function, "", "load_extension", "", "vinner", sqlite3.AUTH_DENY},

		{"attach", sqlite3.AUTH_ATTACH, "x", "", "", "", sqlite3.AUTH_DENY},
		{"pragma", sqlite3.AUTH_PRAGMA, "query_only", "0", "", "", sqlite3.AUTH_DENY},
		{"commit", sqlite3.AUTH_TRANSACTION, "COMMIT", "", "", "", sqlite3.AUTH_DENY},
		{"savepoint", sqlite3.AUTH_SAVEPOINT, "BEGIN", "x", "", "", sqlite3.AUTH_DENY},
		{"insert", sqlite3.AUTH_INSERT, "orders", "", "temp", "", sqlite3.AUTH_DENY},
		{"create", sqlite3.AUTH_CREATE_TEMP_VIEW, "x", "", "temp", "", sqlite3.AUTH_DENY},
		{"what a later SQLite may ask", 99, "", "", "", "", sqlite3.AUTH_DENY},
	} {
		if got := g.authorize(test.action, test.third, test.fourth, test.schema, test.within); got != test.want {
			t.Errorf("%s: the guard says %d, not %d", test.name, got, test.want)
		}
	}
}

// A later SQLite may bring functions and tables of its own: they are refused until somebody has thought about them.
func TestGuardKnowsEveryModule(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t(a)`))
	var modules []string
	if err := e.withFile(t.Context(), "f", func(c conn) error {
		return c.query(`SELECT name FROM pragma_module_list UNION SELECT 'pragma_' || name FROM pragma_pragma_list`, func(r row) {
			modules = append(modules, r.ColumnText(0))
		})
	}); err != nil {
		t.Fatal(err)
	}
	if len(modules) < 20 {
		t.Fatalf("only %d table functions were found", len(modules))
	}
	for _, m := range modules {
		_, err := e.Run(t.Context(), lease(`SELECT * FROM `+m))
		if err == nil && !tableFunctions[m] {
			t.Errorf("the table function %s can be read", m)
		}
	}
}
