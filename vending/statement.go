package vending

import (
	"slices"

	"deputy/entitlements"
)

// Statement is one read, as the engine itself understands it.
type Statement struct {
	SQL       string      // the text that was analysed
	Tables    []TableUse  // governed tables it reads, each once, sorted by name
	Types     []TypeUse   // types it names or makes values of, which are not there for everybody
	Outputs   []Output    // its output columns, in order
	Forbidden []Forbidden // everything in it that the gate refuses; empty for an ordinary read
	Cached    bool        // the analysis was known already
	Catalog   string      // the version of the catalog that it is understood over; empty: any
	Without   []string    // what Lease.Without has to be for the statement to mean this
}

// TableUse is one governed table and the columns that the statement uses of it.
type TableUse struct {
	Table   entitlements.TableName
	Columns []string // in the table's own order; empty with All false: only rows are counted
	All     bool     // the whole row is used: every column the caller may know of is needed
}

// Of keeps the columns that the statement uses: none when it only counts rows.
func (u TableUse) Of(columns []entitlements.ColumnAccess) []entitlements.ColumnAccess {
	if u.All {
		return columns
	}
	var out []entitlements.ColumnAccess
	for _, c := range columns {
		if slices.Contains(u.Columns, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// TypeUse is a type that is there for the callers who may read one of the tables that have it.
type TypeUse struct {
	Name   string
	Tables []entitlements.TableName
}

// Output is one output column and the governed columns that its values are made from.
type Output struct {
	Name    string
	Origins []entitlements.ColumnName
}

// Forbidden is something that no vended statement may use, whoever asks.
type Forbidden struct {
	// "function", "catalog", "type", "system column", "table" and "hidden" (ungoverned, or a type or collation of no
	// governed table: answered like what does not exist)
	What string
	Name string // as the engine identifies it: "pg_catalog.pg_sleep"
	Hint string // what to do instead, or how an administrator can allow it; empty: nothing that may be told
}
