package view

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/postgres/sqltext"
)

// rowCondition is a row rule in PostgreSQL's words. A rule that this engine does not know shows no row.
//
// No row is said with a subselect: the rest is not evaluated on any, and yet the planner does not drop it. So a text
// that PostgreSQL does not understand, or a function that a vended role may not call, is an error all the same.
func rowCondition(f entitlements.Filter, table entitlements.TableName) string {
	q, never := "true", f.Never
	switch {
	case len(f.Where) > 0:
		var missing bool
		q, missing = condition(f.Where)
		never = never || missing
	case f.Within != nil:
		q = withinCondition(*f.Within)
	case f.Sample != nil:
		q = sampleCondition(*f.Sample, table)
	default:
		never = true
	}
	if never {
		return "(" + q + ") AND (SELECT false)"
	}
	return q
}

// condition puts the values of the identity into what the administrator wrote: a list as an array literal, both that
// and a single value of unknown type, so that PostgreSQL gives it the type of what it is compared with. A value is in
// parentheses, because words and strings before a quote change what the quote means. Beside values that do not fit the
// type there is a NULL. missing: a list is empty, or the single value does not fit.
func condition(parts []expression.Part) (text string, missing bool) {
	var q strings.Builder
	for _, p := range parts {
		if p.Column != "" {
			q.WriteString(sqltext.Quote(p.Column))
		}
		q.WriteString(p.SQL)
		switch {
		case p.Variable == "":
		case !p.One():
			missing = missing || len(p.Values) == 0
			q.WriteString(pq.QuoteLiteral(array(p)))
		case len(p.Values) == 1:
			q.WriteString("(" + pq.QuoteLiteral(p.Values[0]) + ")")
		default:
			missing = missing || p.Unfit
			q.WriteString("(NULL)")
		}
	}
	return q.String(), missing
}

func array(p expression.Part) string {
	values := []sql.NullString{}
	for _, v := range p.Values {
		values = append(values, sql.NullString{String: v, Valid: true})
	}
	if p.Unfit && len(values) > 0 {
		values = append(values, sql.NullString{})
	}
	literal, _ := pq.Array(values).Value() // never fails, and is no NULL
	return literal.(string)
}

// withinCondition compares the column as it is, so that an index on it can be used. Times are the transaction's and,
// where the column has no time zone, local to the session, as the column is.
func withinCondition(w entitlements.Within) string {
	column := sqltext.Quote(w.Column.Name)
	hours := int(w.Last / time.Hour)
	since := fmt.Sprintf(" - interval '%d hours'", hours)
	now := ""
	switch t := w.Column.Type; {
	case t == "date":
		now, since = "current_date", fmt.Sprintf(" - %d", hours/24)
	case strings.HasPrefix(t, "timestamp") && strings.HasSuffix(t, "with time zone"):
		now = "now()"
	case strings.HasPrefix(t, "timestamp"):
		now = "localtimestamp"
	default:
		return "false" // what is no date or time is never within
	}
	return fmt.Sprintf("%s >= %s%s AND %[1]s <= %[2]s", column, now, since)
}

// sampleCondition keeps the rows whose keyed hash is below the share. It is about the row as it is stored, whatever
// columns are shown, and in its binary form, which no setting of the caller's changes but the encoding: in another one,
// there is no row.
func sampleCondition(s entitlements.Sample, table entitlements.TableName) string {
	row := sqltext.Dialect.QuoteTable(table) + ".*"
	share := binary.BigEndian.AppendUint32(nil, uint32(uint64(s.PerMillion)<<32/1_000_000))
	return fmt.Sprintf(sampleExpression, row, share)
}

// It begins with a byte that no text has, so that it is never the hash mask of anything. The condition on the encoding
// is inside, where it is asked for each row.
const sampleExpression = `sha256((SELECT k.opad FROM deputy.keys k WHERE k.name = 'hash') || ` +
	`sha256((SELECT k.ipad FROM deputy.keys k WHERE k.name = 'hash') || '\x00'::bytea || ` +
	`CASE WHEN pg_client_encoding() = 'UTF8' THEN record_send((%s)) END)) < '\x%x'::bytea`
