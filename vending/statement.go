package vending

import "deputy/entitlements"

// Statement is one read, as the engine itself understands it.
type Statement struct {
	SQL       string      // the text that was analysed
	Tables    []TableUse  // governed tables it reads, each once, sorted by name
	Outputs   []Output    // its output columns, in order
	Forbidden []Forbidden // everything in it that the gate refuses; empty for an ordinary read
	Cached    bool        // the analysis was known already
}

// TableUse is one governed table and the columns that the statement uses of it.
type TableUse struct {
	Table   entitlements.TableName
	Columns []string // in the table's own order; empty with All false: only rows are counted
	All     bool     // the whole row is used: every column the caller may know of is needed
}

// Output is one output column and the governed columns that its values are made from.
type Output struct {
	Name    string
	Origins []entitlements.ColumnName
}

// Forbidden is something that no vended statement may use, whoever asks.
type Forbidden struct {
	What string // "function", "catalog", "type", "system column", "table" (ungoverned: answered like one that does not exist)
	Name string // as the engine identifies it: "pg_catalog.pg_sleep"
	Hint string // how an administrator can allow it; empty: they cannot, or it is not for the caller to know
}
