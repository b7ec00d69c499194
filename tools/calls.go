package tools

import (
	"deputy/identity"
	"deputy/tools/answer"
)

// Call is one tool call in the making: who asks, verified, and from where.
type Call struct {
	Principal identity.Principal
	Client    string // network address for the record, or "stdio"
}

// QueryArgs are the arguments of the query tool.
type QueryArgs struct {
	SQL      string
	Platform string // may be empty when there is only one
	MaxRows  int    // 0: the configured limit; never more than that
	Purpose  string // what the call is said to be for; empty: nothing in particular
}

// QueryResult is the answer of the query tool.
type QueryResult = answer.Answer

// Column is one column of a result.
type Column = answer.Column

// DescribeArgs are the arguments of the describe_table tool. Without a table, it lists what the caller can see or ask
// for.
type DescribeArgs struct {
	Table    string
	Platform string
	Purpose  string // as in QueryArgs: it may open a table, or lift a mask
}

// Description is the structured answer of the describe_table tool: Tables for the list, everything else for one table.
type Description struct {
	Tables      []TableSummary `json:"tables,omitzero"`
	Table       string         `json:"table,omitempty"`
	Description string         `json:"description,omitempty"`
	Columns     []ColumnInfo   `json:"columns,omitzero"`
	RowFilter   []string       `json:"row_filter,omitzero"` // names of the policies that limit the rows
	Requestable bool           `json:"requestable"`
	HowToAsk    string         `json:"how_to_ask,omitempty"` // for what is closed or masked, if that can be asked for
	AuditID     string         `json:"audit_id"`
}

// TableSummary is one line of the list. Access is "granted", "requestable" or "closed": granted, and closed for
// everybody until its policies fit the database again.
type TableSummary struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Access      string `json:"access"`
}

// ColumnInfo is one column of a described table. Access is "clear", "masked" or "none".
type ColumnInfo struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Inherited   []string `json:"inherited_tags,omitempty"` // of the columns that a view's column is made of
	Access      string   `json:"access"`
	MaskedBy    string   `json:"masked_by,omitempty"`
}
