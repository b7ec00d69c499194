package view

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/sqlite/sqltext"
)

func (w *Writer) where(
	table entitlements.TableName,
	filters []entitlements.Filter,
	whole []entitlements.Column,
) (string, error) {
	terms := make([]string, len(filters))
	for i, f := range filters {
		term, err := w.term(table, f, whole)
		if err != nil {
			return "", fmt.Errorf("policy %q: %w", f.Policy, err)
		}
		terms[i] = "(" + term + ")"
	}
	return strings.Join(terms, ` AND `), nil
}

// term is a row rule in SQLite's words. A rule that this engine does not know shows no row.
func (w *Writer) term(table entitlements.TableName, f entitlements.Filter, whole []entitlements.Column) (
	sql string, err error,
) {
	never := f.Never
	switch {
	case len(f.Where) > 0:
		var missing bool
		parts, perRow := w.fit(table, f.Policy, f.Where)
		sql, missing, err = w.condition(parts, perRow)
		never = never || missing
	case f.Within != nil:
		sql = fmt.Sprintf(
			`%s(%s, %d, %t)`,
			sqltext.Quote(w.names.Within),
			sqltext.Quote(f.Within.Column.Name),
			int64(f.Within.Last.Seconds()),
			f.Within.Column.Kind == entitlements.Date,
		)
	case f.Sample != nil:
		sql = fmt.Sprintf(`%s(%d, %s)`, sqltext.Quote(w.names.Sample), f.Sample.PerMillion, sampled(whole))
	default:
		never = true
	}
	// and yet a text that SQLite does not understand is an error; it would not even read what stands behind 0 AND
	if never {
		sql = `CASE WHEN 0 THEN (` + cmp.Or(sql, `1`) + `) ELSE 0 END`
	}
	return sql, err
}

// sampled are the columns that decide about a sample: all of them, as far as a function can have arguments.
func sampled(whole []entitlements.Column) string {
	var columns []string
	for _, c := range whole[:min(len(whole), 90)] {
		columns = append(columns, sqltext.Quote(c.Name))
	}
	return strings.Join(columns, `, `)
}

var quantified = regexp.MustCompile(`(= any|<> all)\($`)

// condition puts the values of the identity into what the administrator wrote. SQLite has no arrays, so "= any(…)"
// becomes "IN (…)" and "<> all(…)" becomes "NOT IN (…)". perRow has, by part, what values that may not fit
// are compared with. missing: a list is empty, or a single value does not fit.
func (w *Writer) condition(parts []expression.Part, perRow map[int]string) (text string, missing bool, err error) {
	var sql strings.Builder
	for i, p := range parts {
		if p.Column != "" {
			sql.WriteString(sqltext.Quote(p.Column))
		}
		sql.WriteString(w.pointAtFile(p.SQL))
		switch {
		case p.Variable == "":
			continue
		case p.One():
			missing = missing || p.Unfit
			sql.WriteString(one(p.Values, perRow[i]))
			continue
		}
		missing = missing || len(p.Values) == 0
		written := sql.String()
		operator := quantified.FindStringIndex(written)
		if operator == nil || i+1 == len(parts) || !strings.HasPrefix(parts[i+1].SQL, ")") {
			return "", false, fmt.Errorf("%s stands neither in = any(…) nor in <> all(…)", p.Variable)
		}
		sql.Reset()
		sql.WriteString(written[:operator[0]])
		if written[operator[0]] == '<' {
			sql.WriteString(` NOT`)
		}
		sql.WriteString(` IN (` + list(p, perRow[i]))
	}
	return sql.String(), missing, nil
}

// pointAtFile exchanges the governed schema's name in an administrator's text. A filter may look into other tables as
// they are, and names them with their schema: without it, it would find the caller's views.
func (w *Writer) pointAtFile(sql string) string {
	file := sqltext.Quote(w.names.File)
	under := func(schema, _ string) (string, bool) { return file, schema == w.schema }
	return sqltext.Dialect.Requalify(sql, "", under).SQL
}

// one writes a single value as a text, which is how SQLite knows to make texts of the numbers that an expression
// compares it with. It is in parentheses, so that no word before it becomes one with it.
func one(values []string, operand string) string {
	if len(values) != 1 {
		return `(NULL)`
	}
	text := `CAST(` + sqltext.Literal(values[0]) + ` AS TEXT)`
	if operand != "" && !aNumber.MatchString(values[0]) {
		text = judged(operand, text)
	}
	return `(` + text + `)`
}

// number is a text that SQLite would write in the same way if it were a number.
var number = regexp.MustCompile(`^(-?[1-9][0-9]{0,17}|0|-?(0|[1-9][0-9]{0,8})\.[0-9]{0,3}[1-9])$`)

// list writes values as they are compared. Where the column is declared a number, SQLite makes numbers of the texts.
// Where nothing is declared it does not, and 1 would differ from '1': there the number has to be in the list as well.
// No value at all is a NULL: before an empty list, SQLite would not even read what stands there. So is a value that
// does not fit.
func list(p expression.Part, operand string) string {
	var items []string
	for _, v := range p.Values {
		item := sqltext.Literal(v)
		if operand != "" && !aNumber.MatchString(v) {
			item = judged(operand, item)
		}
		items = append(items, item)
		if number.MatchString(v) {
			items = append(items, v)
		}
	}
	if p.Unfit || len(items) == 0 {
		items = append(items, `NULL`)
	}
	return strings.Join(items, `, `)
}
