// Package catalog is what a platform holds that is governed: tables and views, their columns and kinds of values, the
// tags that the platform itself keeps in its comments, and which of all that an administrator has accepted.
package catalog

import (
	"cmp"
	"strings"
)

// TableName names a table inside one platform.
type TableName struct {
	Schema string `json:"schema"`
	Name   string `json:"table"`
}

func (t TableName) String() string { return t.Schema + "." + t.Name }

// Compare orders tables by schema, then by name.
func (t TableName) Compare(other TableName) int {
	return cmp.Or(cmp.Compare(t.Schema, other.Schema), cmp.Compare(t.Name, other.Name))
}

// ParseTableName splits "schema.table"; ok is false for anything else.
func ParseTableName(s string) (t TableName, ok bool) {
	schema, name, found := strings.Cut(s, ".")
	return TableName{schema, name}, found && schema != "" && name != "" && !strings.Contains(name, ".")
}

// Kind is what a mask has to know of a column's type. Each engine sorts its own types into these.
type Kind string

// What a type can be.
const (
	Text    Kind = "text"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	Date    Kind = "date" // a day, without a time
	Time    Kind = "time" // a day and a time
	Other   Kind = "other"
)

// Equality says which values of a column of text are equal though they are written differently. Masks that keep equal
// values equal need to know.
type Equality string

// Which values of a column can be equal to one that is written differently.
const (
	Exact   Equality = ""        // none
	Folded  Equality = "folded"  // those of one lower case: citext, and NOCASE on SQLite
	Trimmed Equality = "trimmed" // those that differ in spaces at their ends: RTRIM on SQLite
	Unsaid  Equality = "unsaid"  // others: there is no text that stands for all values that are equal
)

// Column is one column as the engine sees it.
type Column struct {
	Name        string
	Type        string // in the engine's own words: "numeric(10,2)"
	Kind        Kind
	Equality    Equality
	Description string
	Tags        []string // that the platform itself keeps of it: see SplitComment
	Base        string   // The type that a domain is made of; empty: the type is no domain.
	Labels      []string // The values of an enum, or of an array of enums, in their order.
}

// TableKind is what a table is to its platform.
type TableKind string

// What a table can be.
const (
	Ordinary     TableKind = "table"
	Viewed       TableKind = "view"
	Materialized TableKind = "materialized view"
	Partitioned  TableKind = "partitioned table"
	Foreign      TableKind = "foreign table"
)

// ForeignKey says which row of another table a row belongs to.
type ForeignKey struct {
	Columns    []string
	Table      TableName // It is governed, or the key is left out.
	References []string  // Of that table, in the order of Columns.
}

// Table is one governed table (or view) as the engine sees it.
type Table struct {
	TableName
	Description string
	Tags        []string // that the platform itself keeps of the table or its schema
	Columns     []Column
	Kind        TableKind
	Key         []string // The columns of its primary key, in the key's order.
	ForeignKeys []ForeignKey
	View        *View // what it is made of, if it is a view; nil: it is none
	Unreadable  bool  // Deputy may not read it: it was made after the set-up, say.
}

// View is what a view or materialized view is made of.
type View struct {
	Reads   []TableName // Governed tables that it reads, through views that are not governed too.
	Columns []Lineage   // Of its columns, in their order.
	Hidden  bool        // Which tables it reads cannot be told.
}

// Lineage is what a view's column is made of.
type Lineage struct {
	From     []ColumnName // Governed columns that its values are made of.
	Computed bool         // It is more than a copy of them.
	Hidden   bool         // There may be others, behind a function say.
}

// Catalog is everything a platform governs, at one moment. Version changes whenever the rest does.
type Catalog struct {
	Version string
	Tables  []Table
}

// Table finds a table by name.
func (c *Catalog) Table(name TableName) (Table, bool) {
	for _, t := range c.Tables {
		if t.TableName == name {
			return t, true
		}
	}
	return Table{}, false
}

// ColumnName names a column inside one platform.
type ColumnName struct {
	TableName
	Column string
}

func (c ColumnName) String() string { return c.TableName.String() + "." + c.Column }
