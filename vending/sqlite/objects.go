package sqlite

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending/sqlite/sqltext"
)

// objects are what the schema table of the file lists: every table and view under the number of its row, and the table
// that each b-tree belongs to. Indexes belong to their tables; SQLite's own tables (statistics, sequences) and those
// behind virtual tables are among them.
type objects struct {
	names  map[int64]string
	owners map[int]string // folded names, by the root page
}

// schemaRoot is the root page of the schema table itself, which it does not list.
const schemaRoot = 1

func (c conn) objects(file string) (objects, error) {
	o := objects{names: map[int64]string{}, owners: map[int]string{schemaRoot: "sqlite_schema"}}
	err := c.query(`SELECT rowid, type, name, tbl_name, rootpage FROM `+sqltext.Quote(file)+`.sqlite_schema`, func(r row) {
		if kind := r.ColumnText(1); kind == "table" || kind == "view" {
			o.names[r.ColumnInt64(0)] = r.ColumnText(2)
		}
		if root := r.ColumnInt(4); root > 0 {
			o.owners[root] = sqltext.Fold(r.ColumnText(3))
		}
	})
	return o, err
}

// hide puts an unusable temporary view before every table and view of the file. From then on a bare name means nothing,
// as if the object were not there, and the error says which name was meant: see hidden. Common table expressions are
// found before views, so they may have any name.
//
// The views are written to the temporary schema in one statement: making hundreds of them one by one takes longer than
// most reads, and SQLite does not let CREATE VIEW use names of its own (sqlite_stat1).
func (c conn) hide(file, nothing string) error {
	if err := c.editSchema(true); err != nil {
		return err
	}
	err := c.Exec(`INSERT INTO temp.sqlite_schema (type, name, tbl_name, rootpage, sql)
		SELECT 'view', name, name, 0,
			'CREATE VIEW "' || replace(name, '"', '""') || '" AS SELECT * FROM temp.` + nothing + `_' || rowid
		FROM ` + sqltext.Quote(file) + `.sqlite_schema WHERE type IN ('table', 'view')`)
	if err != nil {
		return fmt.Errorf("hiding what is in the file: %w", err)
	}
	if err := c.reloadTemp(); err != nil {
		return err
	}
	return c.editSchema(false)
}

// seal empties the temporary schema table, which lists the hidden names and the text of every view. SQLite goes on with
// what it has in memory; should it ever read the schema again, there is no view left, and nothing to read.
func (c conn) seal() error {
	if err := c.editSchema(true); err != nil {
		return err
	}
	if err := c.Exec(`DELETE FROM temp.sqlite_schema`); err != nil {
		return fmt.Errorf("sealing the session: %w", err)
	}
	return c.editSchema(false)
}

// editSchema switches between the locks of a session and the right to write into a schema table.
func (c conn) editSchema(may bool) error {
	if _, err := c.Config(sqlite3.DBCONFIG_DEFENSIVE, !may); err != nil {
		return err
	}
	_, err := c.Config(sqlite3.DBCONFIG_WRITABLE_SCHEMA, may)
	return err
}

// reloadTemp makes SQLite read the temporary schema again. It notices that the version has changed when a statement
// runs, not when it is prepared.
func (c conn) reloadTemp() error {
	if err := c.Exec(`PRAGMA temp.schema_version = 1000000`); err != nil {
		return err
	}
	return c.query(`SELECT 1 FROM temp.sqlite_schema LIMIT 1`, func(row) {})
}

// show takes the view away that hide put before a table.
func (c conn) show(name string) error { return c.Exec(`DROP VIEW temp.` + sqltext.Quote(name)) }

// hidden returns the object that a statement failed for because it is hidden.
func (o objects) hidden(err error, nothing string) (name string, found bool) {
	if err == nil {
		return "", false
	}
	match := regexp.MustCompile(`no such table: temp\.` + nothing + `_([0-9]+)$`).FindStringSubmatch(err.Error())
	if match == nil {
		return "", false
	}
	id, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return "", false
	}
	name, found = o.names[id]
	return name, found
}

// written reports whether an administrator wrote any SQL of an access.
func written(a entitlements.Access) bool {
	for _, f := range a.Filters {
		if len(f.Where) > 0 {
			return true
		}
	}
	for _, column := range a.Columns {
		for _, m := range column.Masks {
			if len(m.When) > 0 || len(m.SQL) > 0 {
				return true
			}
		}
	}
	return false
}
