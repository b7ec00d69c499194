package view

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/sqlite/sqltext"
)

func (w *Writer) where(filters []entitlements.Filter, whole []entitlements.Column) (string, error) {
	terms := make([]string, len(filters))
	for i, f := range filters {
		term, err := w.term(f, whole)
		if err != nil {
			return "", fmt.Errorf("policy %q: %w", f.Policy, err)
		}
		terms[i] = "(" + term + ")"
	}
	return strings.Join(terms, ` AND `), nil
}

// term is a row rule in SQLite's words. A rule that this engine does not know shows no row.
func (w *Writer) term(f entitlements.Filter, whole []entitlements.Column) (sql string, err error) {
	never := f.Never
	switch {
	case len(f.Where) > 0:
		var missing bool
		sql, missing, err = w.condition(f.Where)
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
// becomes "IN (…)" and "<> all(…)" becomes "NOT IN (…)". missing: a list is empty.
func (w *Writer) condition(parts []expression.Part) (text string, missing bool, err error) {
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
			value, err := one(p.Values)
			if err != nil {
				return "", false, fmt.Errorf("%s: %w", p.Variable, err)
			}
			sql.WriteString(value)
			continue
		}
		missing = missing || len(p.Values) == 0
		written := sql.String()
		operator := quantified.FindStringIndex(written)
		if operator == nil || i+1 == len(parts) || !strings.HasPrefix(parts[i+1].SQL, ")") {
			return "", false, fmt.Errorf("%s stands neither in = any(…) nor in <> all(…)", p.Variable)
		}
		list, err := list(p.Values)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", p.Variable, err)
		}
		sql.Reset()
		sql.WriteString(written[:operator[0]])
		if written[operator[0]] == '<' {
			sql.WriteString(` NOT`)
		}
		sql.WriteString(` IN (` + list)
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
func one(values []string) (string, error) {
	if len(values) != 1 {
		return `(NULL)`, nil
	}
	if err := plain(values[0]); err != nil {
		return "", err
	}
	return `(CAST(` + sqltext.Literal(values[0]) + ` AS TEXT))`, nil
}

// number is a text that SQLite would write in the same way if it were a number.
var number = regexp.MustCompile(`^(-?[1-9][0-9]{0,17}|0|-?(0|[1-9][0-9]{0,8})\.[0-9]{0,3}[1-9])$`)

// list writes values as they are compared. Where the column is declared a number, SQLite makes numbers of the texts.
// Where nothing is declared it does not, and 1 would differ from '1': there the number has to be in the list as well.
// No value at all is a NULL: before an empty list, SQLite would not even read what stands there.
func list(values []string) (string, error) {
	var items []string
	for _, v := range values {
		if err := plain(v); err != nil {
			return "", err
		}
		items = append(items, sqltext.Literal(v))
		if number.MatchString(v) {
			items = append(items, v)
		}
	}
	return cmp.Or(strings.Join(items, `, `), `NULL`), nil
}

// plain refuses what SQLite would cut short or change.
func plain(value string) error {
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return errors.New("a value is not plain text")
	}
	return nil
}
