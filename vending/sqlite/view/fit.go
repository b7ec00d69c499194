package view

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// SQLite compares a number with any text and says that they differ, or that the number is smaller. So a value that
// cannot be what it is compared with has to be found here: it would be none of the blocked ones, and below any limit.

// shape is which values of the caller fit what they are compared with.
type shape int

const (
	unknown  shape = iota // SQLite finds out, row by row
	anything              // all
	integral              // whole numbers
	numeric               // numbers
	temporal              // dates, times, and numbers, as which SQLite takes them too
)

var (
	aNumber  = regexp.MustCompile(`^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*$`)
	aWhole   = regexp.MustCompile(`^\s*[+-]?[0-9]+(\.0*)?\s*$`)
	aMoment  = regexp.MustCompile(`^\s*([0-9]{4}-[0-9]{2}(-[0-9]{2})?|[0-9]{1,2}:[0-9]{2})`)
	fullName = regexp.MustCompile(
		`^\s*(?:(?:[\pL_][\pL\pN_$]*|"(?:[^"]|"")*")\s*\.\s*)*([\pL_][\pL\pN_$]*|"(?:[^"]|"")*")\s*$`,
	)
	textCall = regexp.MustCompile(
		`(?i)^\s*(?:lower|upper|trim|ltrim|rtrim|substr|substring|replace|printf|format|hex|` +
			`quote|date|time|datetime|strftime)\s*(\(.*\))\s*$`,
	)
)

// takes reports whether the value can be one.
func (s shape) takes(value string) bool {
	switch s {
	case integral:
		return aWhole.MatchString(value)
	case numeric:
		return aNumber.MatchString(value)
	case temporal:
		return aNumber.MatchString(value) || aMoment.MatchString(value)
	}
	return true
}

// shapeOf is that of a column, by the type that it is declared with, which is what SQLite goes by.
func shapeOf(declared string) shape {
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(declared, w) })
	}
	switch {
	case has("int"):
		return integral
	case has("char", "clob", "text", "blob"), declared == "": // what declares nothing takes anything
		return anything
	case has("date", "time"):
		return temporal
	case has("real", "floa", "doub", "num", "dec", "bool"):
		return numeric
	}
	return unknown
}

// shapes are those of the columns of all tables, by their folded names. Where two tables declare a name otherwise, it
// is unknown: the table that a name in a subselect belongs to is not looked for.
func shapes(tables []entitlements.Table) map[string]shape {
	all := map[string]shape{}
	for _, t := range tables {
		for _, c := range t.Columns {
			name, s := sqltext.Fold(c.Name), shapeOf(c.Type)
			if other, twice := all[name]; twice && other != s {
				s = unknown
			}
			all[name] = s
		}
	}
	return all
}

// shape is that of an expression.
func (w *Writer) shape(operand string) shape {
	if name := fullName.FindStringSubmatch(operand); name != nil {
		plain := name[1]
		if strings.HasPrefix(plain, `"`) {
			plain = strings.ReplaceAll(plain[1:len(plain)-1], `""`, `"`)
		}
		if w.shapes == nil {
			w.shapes = shapes(w.tables)
		}
		return w.shapes[sqltext.Fold(plain)]
	}
	if call := textCall.FindStringSubmatch(operand); call != nil && closes(call[1]) {
		return anything
	}
	return unknown
}

// closes reports whether the bracket that a text begins with is closed by the one that it ends with.
func closes(text string) bool {
	depth := 0
	for i, r := range text {
		switch r {
		case '\'', '"': // what is quoted could hold a bracket
			return false
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(text)-1
			}
		}
	}
	return false
}

// fit takes the values out of a condition that do not fit, and returns what else each variable is compared with whose
// values SQLite has to judge, by its part.
func (w *Writer) fit(table entitlements.TableName, policy string, parts []expression.Part) (
	[]expression.Part, map[int]string,
) {
	var misfits []expression.Misfit
	perRow := map[int]string{}
	for i, p := range parts {
		if p.Variable == "" {
			continue
		}
		operand := w.operand(parts, i)
		s := w.shape(operand)
		open := s == unknown && operand != "" && !p.One() && !expression.OnlyNarrows(parts, i)
		odd := len(misfits)
		for _, v := range p.Values {
			switch {
			case !utf8.ValidString(v) || strings.ContainsRune(v, 0), !s.takes(v), open && !aNumber.MatchString(v):
				misfits = append(misfits, expression.Misfit{Part: i, Value: v})
			case s == unknown && operand != "":
				perRow[i] = operand
			}
		}
		note := vending.Unfit{Table: table, Policy: policy, Variable: p.Variable}
		if len(misfits) > odd && !slices.Contains(w.Unfit, note) {
			w.Unfit = append(w.Unfit, note)
		}
	}
	if misfits != nil {
		parts = expression.Fit(parts, misfits)
	}
	return parts, perRow
}

// operand is what the variable of a part is compared with; empty: it is not compared.
func (w *Writer) operand(parts []expression.Part, part int) string {
	write := func(parts []expression.Part) string {
		var text strings.Builder
		for _, p := range parts {
			if p.Column != "" {
				text.WriteString(sqltext.Quote(p.Column))
			}
			text.WriteString(p.SQL)
			if p.Variable != "" {
				text.WriteString(`''`)
			}
		}
		return w.pointAtFile(text.String())
	}
	before := write(parts[:part])
	if !parts[part].One() {
		if at := quantified.FindStringIndex(before); at != nil {
			return expression.Last(before[:at[0]])
		}
		return ""
	}
	if at := comparison.FindStringIndex(before); at != nil {
		return expression.Last(before[:at[0]])
	}
	after := write(parts[part+1:])
	if at := compared.FindStringIndex(after); at != nil {
		return expression.First(after[at[1]:])
	}
	return ""
}

var (
	comparison = regexp.MustCompile(`(?i)(<=|>=|<>|!=|==|=|<|>|\bis(\s+not)?|\bbetween)\s*$`)
	compared   = regexp.MustCompile(`(?i)^\s*(<=|>=|<>|!=|==|=|<|>|is(\s+not)?\b)`)
)

// judged writes a text that is unknown beside a number: SQLite would say that they differ.
func judged(operand, text string) string {
	return `CASE WHEN typeof(` + operand + "\n" + `) IN ('integer', 'real') THEN NULL ELSE ` + text + ` END`
}
