package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"deputy/audit"
)

// Calls writes calls one below the other, each on a line of its own. Columns stand below each other for as many as come
// together.
type Calls struct {
	w      *tabwriter.Writer
	rows   int
	headed bool
}

// mostAligned lines wait for each other.
const mostAligned = 1000

// NewCalls writes to w.
func NewCalls(w io.Writer) *Calls { return &Calls{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// Add writes one call.
func (t *Calls) Add(c audit.Call) error {
	if !t.headed {
		t.headed = true
		t.row("TIME", "WHO", "TOOL", "TABLES", "ROWS", "OUTCOME", "ID")
	}
	var tables []string
	for _, table := range c.Tables {
		tables = append(tables, table.Name)
	}
	if q := c.Request; q != nil && len(tables) == 0 {
		tables = []string{q.Table}
	}
	rows, ended := "-", string(c.Ending())
	if c.Ending() == audit.Answered && !step(c) {
		if rows = fmt.Sprint(c.Rows); c.Truncated {
			rows += "+"
		}
	}
	if c.Code != "" {
		ended += " (" + c.Code + ")"
	}
	t.row(c.Time.UTC().Format(time.RFC3339), c.Who(), c.Tool, cell(tables), rows, ended, c.ID)
	if t.rows++; t.rows%mostAligned == 0 {
		return t.w.Flush()
	}
	return nil
}

// End writes what waits.
func (t *Calls) End() error { return t.w.Flush() }

func (t *Calls) row(cells ...string) {
	for i := range cells {
		cells[i] = Printable(cells[i])
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func cell(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}
