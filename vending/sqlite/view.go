package sqlite

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"deputy/entitlements"
)

// views is what one table of a lease becomes.
type views struct{ inner, public string }

// names are the random names of one session.
type names struct{ file, hash, partial string }

// define writes the two views of one table. The inner one is called inner, which nobody can guess.
func (e *Engine) define(a entitlements.Access, inner string, n names) (views, error) {
	var columns []string
	for _, c := range a.Columns {
		columns = append(columns, maskedColumn(c, n)+` AS `+quoteName(c.Shown()))
	}
	if len(columns) == 0 {
		columns = append(columns, `1 AS "row"`) // rows are only counted, but a view must have a column
	}
	body := `SELECT ` + strings.Join(columns, `, `) + ` FROM ` + quoteName(n.file) + `.` + quoteName(a.Table.Name)
	if len(a.Filters) > 0 {
		where, err := e.where(a.Filters, n.file)
		if err != nil {
			return views{}, fmt.Errorf("the row filters of %s: %w", a.Table, err)
		}
		// LIMIT -1 limits nothing, but keeps SQLite from merging the view into the statement: no expression of the caller's is
		// evaluated on a row that the filters hide.
		body += ` WHERE ` + where + ` LIMIT -1`
	}
	return views{
		inner:  `CREATE TEMP VIEW ` + quoteName(inner) + ` AS ` + body,
		public: `CREATE TEMP VIEW ` + quoteName(a.Table.Name) + ` AS SELECT * FROM temp.` + quoteName(inner),
	}, nil
}

func maskedColumn(c entitlements.ColumnAccess, n names) string {
	name := quoteName(c.Name)
	if len(c.Masks) == 0 {
		return name
	}
	mask := c.Masks[0].Mask
	if !mask.Fits(c.Kind) {
		return `NULL`
	}
	switch mask.Kind {
	case entitlements.MaskConstant:
		return constant(mask.Constant, c.Kind)
	case entitlements.MaskHash:
		return quoteName(n.hash) + `(CAST(` + name + ` AS TEXT))`
	case entitlements.MaskPartial:
		return fmt.Sprintf(`%s(CAST(%s AS TEXT), %d, %d)`, quoteName(n.partial), name, mask.First, mask.Last)
	}
	return `NULL` // also for masks that this engine does not know
}

// constant is a literal of the column's kind; the mask fits it.
func constant(value string, kind entitlements.Kind) string {
	switch kind {
	case entitlements.Number:
		return `CAST(` + quoteText(value) + ` AS NUMERIC)`
	case entitlements.Boolean:
		return `(` + quoteText(value) + ` = 'true')`
	}
	return quoteText(value)
}

func (e *Engine) where(filters []entitlements.Filter, file string) (string, error) {
	terms := make([]string, len(filters))
	for i, f := range filters {
		term, err := e.term(f, file)
		if err != nil {
			return "", fmt.Errorf("policy %q: %w", f.Policy, err)
		}
		terms[i] = "(\n" + term + "\n)" // a filter may end in a comment
	}
	return strings.Join(terms, ` AND `), nil
}

var quantified = regexp.MustCompile(`(?i)(=\s*any|<>\s*all)\s*\(\s*$`)

// term writes one filter in SQLite's words: it has no arrays, so "= any(…)" becomes "IN (…)" and "<> all(…)" becomes "NOT IN (…)".
func (e *Engine) term(f entitlements.Filter, file string) (string, error) {
	never := f.Never || len(f.Where) == 0
	var sql strings.Builder
	for i, p := range f.Where {
		if p.Variable == "" {
			sql.WriteString(e.pointAtFile(p.SQL, file))
			continue
		}
		never = never || len(p.Values) == 0
		written := sql.String()
		operator := quantified.FindStringIndex(written)
		if operator == nil || i+1 == len(f.Where) || !strings.HasPrefix(strings.TrimSpace(f.Where[i+1].SQL), ")") {
			return "", fmt.Errorf("%s stands neither in = any(…) nor in <> all(…)", p.Variable)
		}
		list, err := list(p.Values)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.Variable, err)
		}
		sql.Reset()
		sql.WriteString(written[:operator[0]])
		if written[operator[0]] == '<' {
			sql.WriteString(` NOT`)
		}
		sql.WriteString(` IN (` + list)
	}
	if never { // and yet a text that SQLite does not understand is an error; it would not even read what stands behind 0 AND
		return "CASE WHEN (\n" + cmp.Or(sql.String(), `1`) + "\n) THEN 0 ELSE 0 END", nil
	}
	return sql.String(), nil
}

// pointAtFile exchanges the governed schema's name in an administrator's text. A filter may look into other tables as they are, and
// names them with their schema: without it, it would find the caller's views.
func (e *Engine) pointAtFile(sql, file string) string {
	return e.Dialect().Requalify(sql, func(schema, _ string) (string, bool) { return quoteName(file), schema == e.schema }).SQL
}

// number is a text that SQLite would write in the same way if it were a number.
var number = regexp.MustCompile(`^(-?[1-9][0-9]{0,17}|0|-?(0|[1-9][0-9]{0,8})\.[0-9]{0,3}[1-9])$`)

// list writes values as they are compared. Where the column is declared a number, SQLite makes numbers of the texts. Where nothing is
// declared it does not, and 1 would differ from '1': there the number has to be in the list as well.
func list(values []string) (string, error) {
	var items []string
	for _, v := range values {
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return "", errors.New("a value is not plain text")
		}
		items = append(items, quoteText(v))
		if number.MatchString(v) {
			items = append(items, v)
		}
	}
	return strings.Join(items, `, `), nil
}
