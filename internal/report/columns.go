package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Columns are rows whose cells stand below each other. A cell without anything in it is a dash.
type Columns struct{ *tabwriter.Writer }

// NewColumns writes to w when it is flushed.
func NewColumns(w io.Writer) Columns { return Columns{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// Row adds a row.
func (c Columns) Row(cells ...string) {
	for i, cell := range cells {
		cells[i] = Printable(cmp.Or(cell, "-"))
	}
	fmt.Fprintln(c, strings.Join(cells, "\t"))
}

// Moment is a moment as reports have it, in UTC; nil and the zero time are empty.
func Moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
