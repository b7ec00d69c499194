package tools

import (
	"deputy/identity"
	"deputy/tools/answer"
	"deputy/tools/directory"
)

// Call is one tool call in the making: who asks, verified, and from where.
type Call struct {
	Principal identity.Principal
	Client    string // network address for the record, or "stdio"
}

// QueryArgs are the arguments of the query tool.
type QueryArgs struct {
	SQL      string // empty: there is a Name
	Name     string // of a query of the configuration
	Platform string // may be empty when there is only one
	MaxRows  int    // 0: the configured limit; never more than that
	Purpose  string // what the call is said to be for; empty: nothing in particular

	Parameters string // of the query, in one JSON object; empty: none was sent
}

// QueryResult is the answer of the query tool.
type QueryResult = answer.Answer

// Column is one column of a result.
type Column = answer.Column

// DescribeArgs are the arguments of the describe_table tool. Without a table, it lists what the caller can see or ask
// for.
type DescribeArgs struct {
	Table    string // in any spelling that means one table: see directory.Find
	Search   string // words that a listed table, or a described column, must have: see directory.List
	Page     int    // of a long answer, from 1; 0: the first
	Platform string
	Purpose  string // as in QueryArgs: it may open a table, or lift a mask
}

// Description is the structured answer of the describe_table tool.
type Description = directory.Description

// TableSummary is one line of a list of tables.
type TableSummary = directory.TableSummary

// ColumnInfo is one column of a described table.
type ColumnInfo = directory.ColumnInfo
