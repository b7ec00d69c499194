// Package answer is the form of an answer to a query. It owns the two copies that an answer is sent as, the structured
// one for programs and the text for models, and how much of a context window each may take. Hosts show their model
// either copy or both, so each is complete: that rows are data, the columns, the rows, what is masked and what is left
// out stand in both.
package answer

import (
	"encoding/json"

	"deputy/entitlements"
	"deputy/vending"
)

// Answer is an answer to a query. Exact numbers and 64-bit integers are strings. It marshals itself as its structured
// copy.
type Answer struct {
	Columns   []Column `json:"columns"`
	Rows      [][]any  `json:"rows"`
	RowCount  int      `json:"row_count"`
	Truncated bool     `json:"truncated"` // there are rows that are not in Rows
	Cut       *Cut     `json:"cut"`       // nil: nothing is left out
	Notices   []string `json:"notices"`
	AuditID   string   `json:"audit_id"`
	// Role is the vended role. Neither copy has it where it is deputy_<audit id>, as it nearly always is.
	Role string `json:"role"`

	made copies // of Rows; empty: they are encoded when they are asked for
}

// Column is one column of an answer; MaskedBy names the policy that hides its values.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	MaskedBy string `json:"masked_by,omitempty"`
}

// Cut says what an answer leaves out. Its words for models stand in the notices.
type Cut struct {
	By       Limit `json:"by"`
	RowsRead int   `json:"rows_read"`       // rows that the database gave, of which Rows is the beginning
	Cells    int   `json:"cells,omitempty"` // cells of Rows that are not whole
}

// Limit is a limit of an answer, by the name of its key.
type Limit string

// The limits that cut answers.
const (
	ByRows   Limit = "max_rows"  // what the caller asked for, or limits.max_rows
	ByBytes  Limit = "max_bytes" // limits.max_bytes
	ByTokens Limit = "answer"    // limits.answer
)

// Columns are the columns of a result, each with the policy that masks what it is made from.
func Columns(
	statement *vending.Statement,
	columns []vending.OutputColumn,
	access []entitlements.Access,
) []Column {
	masked := map[entitlements.ColumnName]string{}
	for _, a := range access {
		for _, c := range a.Columns {
			if len(c.Masks) > 0 {
				masked[entitlements.ColumnName{TableName: a.Table, Column: c.Name}] = c.Masks[0].Policy
			}
		}
	}
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Type: c.Type}
		if len(statement.Outputs) != len(columns) {
			continue
		}
		for _, origin := range statement.Outputs[i].Origins {
			if policy := masked[origin]; policy != "" && out[i].MaskedBy == "" {
				out[i].MaskedBy = policy
			}
		}
	}
	return out
}

// MarshalJSON implements json.Marshaler.
func (a Answer) MarshalJSON() ([]byte, error) { return a.Structured(), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Answer) UnmarshalJSON(structured []byte) error {
	type members Answer
	read := members{Role: missing}
	if err := json.Unmarshal(structured, &read); err != nil {
		return err
	}
	if read.Role == missing {
		read.Role = roleOf(read.AuditID)
	}
	*a = Answer(read)
	return nil
}

// missing is the role of a copy that names none; no role is named so.
const missing = "\x00"

// roleOf is the role that the record of the id names, unless the platform does without roles.
func roleOf(auditID string) string { return "deputy_" + auditID }
