package entitlements

import "deputy/entitlements/catalog"

// The nouns of the catalog that decisions are about.
type (
	TableName      = catalog.TableName
	ColumnName     = catalog.ColumnName
	Kind           = catalog.Kind
	Equality       = catalog.Equality
	Column         = catalog.Column
	Table          = catalog.Table
	View           = catalog.View
	Lineage        = catalog.Lineage
	Catalog        = catalog.Catalog
	Accepted       = catalog.Accepted
	AcceptedTable  = catalog.AcceptedTable
	AcceptedColumn = catalog.AcceptedColumn
)

// The kinds and equalities of columns.
const (
	Text    = catalog.Text
	Number  = catalog.Number
	Boolean = catalog.Boolean
	Date    = catalog.Date
	Time    = catalog.Time
	Other   = catalog.Other
	Exact   = catalog.Exact
	Folded  = catalog.Folded
	Trimmed = catalog.Trimmed
	Unsaid  = catalog.Unsaid
)

// ParseTableName splits "schema.table".
func ParseTableName(s string) (TableName, bool) { return catalog.ParseTableName(s) }

// Accept returns everything that is in the catalog now.
func Accept(c *Catalog) Accepted { return catalog.Accept(c) }

// SplitComment takes the tags out of a comment.
func SplitComment(comment string) (description string, tags []string) {
	return catalog.SplitComment(comment)
}
