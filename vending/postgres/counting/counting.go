// Package counting is the statement that counts what the values of a table look like: every pattern and check digit is
// SQL, so that no value leaves the database.
package counting

import (
	"fmt"
	"strings"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// Query counts, of a sample of the table's rows, how many values of each column have the form of each pattern.
func Query(t entitlements.Table, sample int) string {
	var values, counts []string
	for i, c := range t.Columns {
		values = append(values, fmt.Sprintf("(%d, btrim(deputy_sample.%s::text, ' '))", i, sqltext.Quote(c.Name)))
	}
	for _, p := range vending.Patterns {
		counts = append(counts, fmt.Sprintf("count(*) FILTER (WHERE %s)", looksLike(p)))
	}
	return fmt.Sprintf(
		`SELECT v.number, count(*), count(v.value), %s FROM (SELECT * FROM %s LIMIT %d) AS deputy_sample `+
			`CROSS JOIN LATERAL (VALUES %s) AS v (number, value) GROUP BY v.number`,
		strings.Join(
			counts,
			", ",
		),
		sqltext.Dialect.QuoteTable(t.TableName),
		sample,
		strings.Join(values, ", "),
	)
}

// looksLike is Pattern.Matches in SQL. The check digits are behind a CASE, because they fail on anything that is not of
// the form.
func looksLike(p vending.Pattern) string {
	value := "v.value"
	if p.Strip != "" {
		value = fmt.Sprintf("translate(v.value, %s, '')", pq.QuoteLiteral(p.Strip))
	}
	form := fmt.Sprintf("%s ~ %s", value, pq.QuoteLiteral(p.Is))
	if p.Not != "" {
		form += fmt.Sprintf(" AND %s !~ %s", value, pq.QuoteLiteral(p.Not))
	}
	check := "true"
	switch p.Check {
	case vending.Luhn:
		check = fmt.Sprintf(luhnCheck, value)
	case vending.Mod97:
		check = fmt.Sprintf(mod97Check, value)
	}
	return fmt.Sprintf(
		"CASE WHEN length(v.value) > %d THEN false WHEN %s THEN %s ELSE false END",
		vending.MaxProfiled,
		form,
		check,
	)
}

const luhnCheck = `(SELECT sum(CASE WHEN (length(%[1]s) - i) %% 2 = 0 THEN d ` +
	`WHEN d > 4 THEN 2 * d - 9 ELSE 2 * d END) %% 10 = 0 ` +
	`FROM generate_series(1, length(%[1]s)) AS i, LATERAL (SELECT substr(%[1]s, i, 1)::int AS d) AS digit)`

const mod97Check = `(SELECT string_agg(CASE WHEN c ~ '[0-9]' THEN c ELSE (ascii(c) - 55)::text END, '' ORDER BY i)` +
	`::numeric %% 97 = 1 FROM generate_series(1, length(%[1]s)) AS i, ` +
	`LATERAL (SELECT substr(substr(%[1]s, 5) || substr(%[1]s, 1, 4), i, 1) AS c) AS letter)`
