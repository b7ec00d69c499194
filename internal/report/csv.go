package report

import (
	"io"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// writeCSV writes rows for a spreadsheet: every CSV file that Deputy writes. A cell that a spreadsheet would take for a
// formula begins with an apostrophe, which makes it text there (OWASP, CSV injection); numbers stay numbers. Where
// spreadsheets cut columns at semicolons instead of commas, what follows one within a cell is a cell too, quotes or
// not.
func writeCSV(w io.Writer, rows [][]string) error {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(csvCell(cell))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func csvCell(cell string) string {
	parts := strings.Split(cell, ";")
	for i, part := range parts {
		if parts[i] = Printable(part); isFormula(part) || i == 0 && isFormula(cell) {
			parts[i] = "'" + parts[i]
		}
	}
	cell = strings.Join(parts, ";")
	if !strings.ContainsAny(cell, ",;\"") && strings.TrimSpace(cell) == cell {
		return cell
	}
	return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
}

// plainNumber is what is a number in every spreadsheet, and no formula; a dash alone is what a table has for nothing.
var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$|^-$`)

// isFormula reports whether a spreadsheet would compute the cell: it begins with one of = + - @, in any of their forms,
// after whatever a spreadsheet skips, or with a tab or the end of a line.
func isFormula(cell string) bool {
	if plainNumber.MatchString(cell) {
		return false
	}
	if strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") || strings.HasPrefix(cell, "\n") {
		return true
	}
	rest := strings.TrimLeftFunc(norm.NFKC.String(cell), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
			unicode.Is(unicode.Variation_Selector, r)
	})
	return rest != "" && strings.ContainsRune("=+-@\u2212", []rune(rest)[0])
}
