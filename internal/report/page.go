// Package report writes what was found out about policies as a page for an administrator to read from top to bottom.
package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// page writes headings and aligned tables. Names and comments come from databases and tokens, so nothing in them
// reaches the terminal that is not a letter of some kind.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, Printable(fmt.Sprintf(format, args...)))
	}
}

// section is a heading, and rows below it whose cells stand in columns.
func (p *page) section(heading string, rows [][]string) {
	p.line("")
	p.line("%s", heading)
	p.table(rows)
}

func (p *page) table(rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Printable(cell)
		}
		fmt.Fprintln(w, "  "+strings.Join(cells, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(b.String()) {
		if p.err == nil {
			_, p.err = fmt.Fprintln(p.w, strings.TrimRight(line, " \n"))
		}
	}
}

// Printable takes out what a terminal would obey, and puts what was written on several lines on one.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
