package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/vending/sqlite/sqltext"
)

// snapshot is what the file looked like at one moment.
type snapshot struct {
	taken   time.Time
	catalog entitlements.Catalog
	tables  map[string]entitlements.Table // by folded name
	counts  map[string]int64              // of rows, by folded name: see conn.counts
	schema  int64                         // SQLite's own number of the schema, which changes with it
}

func (e *Engine) takeSnapshot(ctx context.Context) (*snapshot, error) {
	s := &snapshot{taken: e.cfg.Now(), tables: map[string]entitlements.Table{}}
	err := e.withFile(ctx, e.schema, func(c conn) error {
		var err error
		if s.schema, err = c.schemaVersion(e.schema); err != nil { // before the tables: one too old is noticed
			return err
		}
		names, err := c.governed(e.schema)
		if err != nil {
			return err
		}
		for _, name := range names {
			table, err := c.table(e.schema, name)
			if err != nil {
				return fmt.Errorf("reading the columns of %s: %w", name, err)
			}
			s.catalog.Tables = append(s.catalog.Tables, table)
			s.tables[sqltext.Fold(name)] = table
		}
		if err := s.foreignKeys(c, e.schema); err != nil {
			return fmt.Errorf("reading the foreign keys: %w", err)
		}
		s.counts, err = c.counts(e.schema)
		return err
	})
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("reading the catalog of %s: %w", e.cfg.Path, err))
	}
	s.catalog.Version, err = version(s.catalog.Tables)
	return s, err
}

// schemaVersion changes with each CREATE, ALTER and DROP.
func (c conn) schemaVersion(schema string) (version int64, err error) {
	err = c.query(`PRAGMA `+sqltext.Quote(schema)+`.schema_version`, func(r row) { version = r.ColumnInt64(0) })
	return version, err
}

// stale reports whether the file has another schema than the snapshot, and forgets that then. The transaction of the
// connection keeps the schema as it is.
func (e *Engine) stale(c conn, file string, s *snapshot) (bool, error) {
	now, err := c.schemaVersion(file)
	if err != nil || now == s.schema {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == s {
		e.current = nil
	}
	return true, nil
}

// shadows are what SQLite's modules for virtual tables put behind the name of a table, where they keep its content.
// SQLite itself knows such tables only while their module is loaded.
const shadows = `'_data', '_idx', '_content', '_docsize', '_config', '_segments', '_segdir', '_stat', '_node', '_rowid', '_parent', '_vocab'`

// governed lists the ordinary tables of the file. The tables behind a virtual table are none: they hold copies of what
// is indexed.
func (c conn) governed(schema string) (names []string, err error) {
	err = c.query(`SELECT name FROM pragma_table_list AS t WHERE schema = `+sqltext.Literal(schema)+
		` AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND NOT EXISTS (SELECT 1 FROM `+sqltext.Quote(schema)+`.sqlite_schema AS v
			WHERE v.type = 'table' AND v.rootpage = 0 AND substr(t.name, 1, length(v.name)) = v.name COLLATE NOCASE
			AND lower(substr(t.name, length(v.name) + 1)) IN (`+shadows+`)) ORDER BY name`, func(r row) {
		names = append(names, r.ColumnText(0))
	})
	return names, err
}

func (c conn) table(schema, name string) (entitlements.Table, error) {
	t := entitlements.Table{
		TableName: entitlements.TableName{Schema: schema, Name: name}, Kind: entitlements.Ordinary,
	}
	key := map[int]string{} // the columns of the primary key, by their place in it
	err := c.query(
		`SELECT name, type, pk FROM pragma_table_xinfo(`+sqltext.Literal(
			name,
		)+`, `+sqltext.Literal(
			schema,
		)+`) WHERE hidden <> 1 ORDER BY cid`,
		func(r row) {
			declared := strings.ToLower(r.ColumnText(1))
			if place := r.ColumnInt(2); place > 0 {
				key[place] = r.ColumnText(0)
			}
			t.Columns = append(
				t.Columns,
				entitlements.Column{Name: r.ColumnText(0), Type: declared, Kind: kindOf(declared)},
			)
		},
	)
	for place := 1; key[place] != ""; place++ {
		t.Key = append(t.Key, key[place])
	}
	for i := range t.Columns {
		if err == nil {
			var collation string
			_, collation, _, _, _, err = c.TableColumnMetadata(schema, name, t.Columns[i].Name)
			t.Columns[i].Equality = equalityOf(collation)
		}
	}
	return t, err
}

// equalityOf says which texts a collation takes for equal. One that Deputy does not know may take any.
func equalityOf(collation string) entitlements.Equality {
	switch strings.ToUpper(collation) {
	case "", "BINARY":
		return entitlements.Exact
	case "NOCASE":
		return entitlements.Folded
	case "RTRIM":
		return entitlements.Trimmed
	}
	return entitlements.Unsaid
}

// kindOf sorts declared types. It goes by the words people write, not by SQLite's affinities, which take a date for a
// number.
func kindOf(declared string) entitlements.Kind {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("bool"):
		return entitlements.Boolean
	case declared == "date":
		return entitlements.Date
	case has("date", "time"):
		return entitlements.Time
	case has("char", "clob", "text"):
		return entitlements.Text
	case has("int", "real", "floa", "doub", "numeric", "decimal"):
		return entitlements.Number
	}
	return entitlements.Other
}

func version(tables []entitlements.Table) (string, error) {
	content, err := json.Marshal(tables)
	if err != nil {
		return "", fmt.Errorf("hashing the catalog: %w", err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8]), nil
}
