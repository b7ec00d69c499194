package index

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// Filter says which calls are meant. Every field that is set must fit.
type Filter struct {
	User          string // id or name
	Agent         string
	OnBehalfOf    *bool // an agent's, with a human or without; what a human does in person, or the clock, is neither
	Tool          string
	Purpose       string
	PolicyVersion string
	Table         string // glob over schema.table
	InClear       Column // that rows of the call can have shown as it is
	Masked        bool   // at least one column was masked
	Request       string // id of an access request: its steps, and the calls that rested on it
	Outcome       audit.Outcome
	Since, Until  time.Time // from, and before

	endedAfter int64 // a line of the log; 0: whenever, or not at all
}

// Column is a glob over schema.table.column, or tag:NAME for the columns that have the tag or one below it.
type Column string

// Check says what cannot be meant.
func (f Filter) Check() error {
	if _, err := path.Match(f.Table, ""); err != nil {
		return fmt.Errorf("%q is no pattern for tables: write sales.orders or sales.*", f.Table)
	}
	if err := f.InClear.Check(); err != nil {
		return err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return fmt.Errorf("no call is from %s on and before %s", f.Since.Format(time.RFC3339), f.Until.Format(time.RFC3339))
	}
	return nil
}

// Check says what cannot be meant.
func (c Column) Check() error {
	if _, err := path.Match(string(c), ""); err != nil || c == "tag:" {
		return fmt.Errorf("%q is no pattern for columns: write schema.table.column, with * if need be, or tag:NAME", c)
	}
	return nil
}

func (c Column) match(table string, column audit.ClearColumn) bool {
	if tag, found := strings.CutPrefix(string(c), "tag:"); found {
		return slices.ContainsFunc(
			column.Tags,
			func(has string) bool { return has == tag || strings.HasPrefix(has, tag+".") },
		)
	}
	return glob(string(c), table+"."+column.Column)
}

// glob is path.Match without a meaning for the slash.
func glob(pattern, name string) bool {
	fits, _ := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return fits
}

// Match reports whether a call is meant.
func (f Filter) Match(c audit.Call) bool {
	return f.agent(c.Agent) && f.user(c.User) && f.tables(c.Tables) && (f.InClear == "" || c.Seen()) &&
		(f.Tool == "" || c.Tool == f.Tool) && (f.Purpose == "" || c.Purpose == f.Purpose) &&
		(f.PolicyVersion == "" || c.PolicyVersion == f.PolicyVersion) && (f.Request == "" || c.Request != nil && c.Request.ID == f.Request || f.rested(c.Tables)) && (f.Outcome == "" || c.Ending() == f.Outcome) &&
		(f.Since.IsZero() || !c.Time.Before(f.Since)) && (f.Until.IsZero() || c.Time.Before(f.Until))
}

func (f Filter) agent(p audit.Party) bool {
	return (f.Agent == "" || p.ID == f.Agent) && (f.OnBehalfOf == nil || p.ID != "")
}

func (f Filter) user(p *audit.Party) bool {
	if f.OnBehalfOf != nil && *f.OnBehalfOf != (p != nil) {
		return false
	}
	return f.User == "" || p != nil && (p.ID == f.User || p.Name == f.User)
}

// rested reports whether what was seen of a table was seen because the request had been approved.
func (f Filter) rested(tables []audit.Table) bool {
	return slices.ContainsFunc(tables, func(t audit.Table) bool { return slices.Contains(t.Requests, f.Request) })
}

func (f Filter) tables(tables []audit.Table) bool {
	fits := f.Table == "" || slices.ContainsFunc(tables, func(t audit.Table) bool { return glob(f.Table, t.Name) })
	masked := !f.Masked || slices.ContainsFunc(tables, func(t audit.Table) bool { return len(t.Masked) > 0 })
	return fits && masked && (f.InClear == "" || slices.ContainsFunc(tables, func(t audit.Table) bool {
		return slices.ContainsFunc(t.InClear(), func(c audit.ClearColumn) bool { return f.InClear.match(t.Name, c) })
	}))
}

// condition is the filter in SQL, but for Seen. It is made of the texts that fit, which are few beside the calls.
func (f Filter) condition(x *Index) (sql string, values []any, err error) {
	var parts []string
	among := func(k kind, asked bool, fits func(text string) bool) {
		if !asked || err != nil {
			return
		}
		ids := []int64{}
		if fits("") {
			ids = append(ids, 0)
		}
		err = x.each(`SELECT id, text FROM texts WHERE kind = ?`, []any{int64(k)}, func(row *sqlite3.Stmt) error {
			if fits(row.ColumnText(1)) {
				ids = append(ids, row.ColumnInt64(0))
			}
			return nil
		})
		list, _ := json.Marshal(ids)
		parts = append(parts, columns[k]+" IN (SELECT value FROM json_each(?))")
		values = append(values, string(list))
	}
	same := func(want string) func(string) bool { return func(text string) bool { return text == want } }
	among(
		agents,
		f.Agent != "" || f.OnBehalfOf != nil,
		func(text string) bool { p := party(text); return p != nil && f.agent(*p) },
	)
	among(users, f.User != "" || f.OnBehalfOf != nil, func(text string) bool { return f.user(party(text)) })
	among(tools, f.Tool != "", same(f.Tool))
	among(purposes, f.Purpose != "", same(f.Purpose))
	among(policies, f.PolicyVersion != "", same(f.PolicyVersion))
	if f.Request != "" {
		among(requests, true, same(f.Request))
		among(tables, true, func(text string) bool { return f.rested(tablesOf(text)) })
		if n := len(parts); err == nil {
			parts = append(parts[:n-2], "("+parts[n-2]+" OR "+parts[n-1]+")")
		}
	}
	among(endings, f.Outcome != "", same(string(f.Outcome)))
	among(tables, f.Table != "" || f.InClear != "" || f.Masked, func(text string) bool { return f.tables(tablesOf(text)) })
	if !f.Since.IsZero() {
		parts, values = append(parts, "time >= ?"), append(values, nanos(f.Since))
	}
	if !f.Until.IsZero() {
		parts, values = append(parts, "time < ?"), append(values, nanos(f.Until))
	}
	if f.endedAfter > 0 {
		parts, values = append(parts, "outcome_line > ?"), append(values, f.endedAfter)
	}
	return strings.Join(append(parts, "true"), " AND "), values, err
}

var columns = map[kind]string{
	agents:   "agent",
	users:    "user",
	tools:    "tool",
	purposes: "purpose",
	policies: "policy",
	tables:   "tables",
	requests: "request",
	endings:  "ending",
}

func party(text string) (p *audit.Party) {
	json.Unmarshal([]byte(text), &p) // it was read before
	return p
}

func tablesOf(text string) (t []audit.Table) {
	json.Unmarshal([]byte(text), &t)
	return t
}
