package view

import (
	"fmt"

	"github.com/lib/pq"

	"deputy/entitlements"
)

// Keys come from a table that only the views' owner reads, so they are in no view definition, and there is no function
// that somebody could feed guesses to: all of a mask is one expression in the view.

const hashExpression = `encode(sha256((SELECT k.opad FROM deputy.keys k WHERE k.name = 'hash') || ` +
	`sha256((SELECT k.ipad FROM deputy.keys k WHERE k.name = 'hash') || convert_to($text, 'UTF8'))), 'hex')`

// Each block of 16 characters has 32 bytes of key stream, two for each: the HMAC of its number and the whole value's
// hash. The byte ff in front is in no text, so that no hash of another value is ever the key stream of this one.
//
// Each step is done once for a value, since a long one would take forever otherwise: the blocks come out of the
// subselect that makes the value's hash, and the characters out of the one that makes the key stream. PostgreSQL takes
// an array for ten rows and a series for a thousand, and thousands of thousands would make it compile every statement
// on the column. OFFSET 0 keeps PostgreSQL 16 from sorting the characters together with the whole key stream.
const formatPreservingExpression = `CASE WHEN $text IS NOT NULL THEN coalesce((` +
	`SELECT string_agg(CASE WHEN ascii(d.c) BETWEEN 48 AND 57 THEN chr(48 + d.n % 10) WHEN ascii(d.c) BETWEEN 65 AND 90 THEN chr(65 + d.n % 26) ` +
	`WHEN ascii(d.c) BETWEEN 97 AND 122 OR ascii(d.c) > 127 THEN chr(97 + d.n % 26) ELSE d.c END, '' ORDER BY d.i) FROM (` +
	`SELECT t.c, t.i, get_byte(b.stream, 2 * t.i::int - 2) * 256 + get_byte(b.stream, 2 * t.i::int - 1) AS n FROM (` +
	`SELECT $text AS whole, string_agg(sha256(v.opad || sha256(v.ipad || '\xff'::bytea || int4send(g.block::int - 1) || v.hash)), ''::bytea ORDER BY g.block) AS stream FROM (` +
	`SELECT k.ipad, k.opad, length($text) / 16 + 1 AS blocks, sha256(convert_to($text, 'UTF8')) AS hash FROM deputy.keys k WHERE k.name = 'hash' OFFSET 0) AS v, ` +
	`unnest(array_fill(0, ARRAY[v.blocks])) WITH ORDINALITY AS g(zero, block)) AS b, ` +
	`unnest(string_to_array(b.whole, NULL)) WITH ORDINALITY AS t(c, i) OFFSET 0) AS d), '') END`

const partialExpression = `CASE WHEN length($text) <= %[1]d + %[2]d THEN repeat('*', length($text)) ` +
	`ELSE left($text, %[1]d) || repeat('*', length($text) - %[1]d - %[2]d) || right($text, %[2]d) END`

// longestText is more than a text can have characters; twice as many still fit an integer.
const longestText = 1 << 29

func (c column) partial(first, last int) string {
	return c.written(fmt.Sprintf(partialExpression, min(max(first, 0), longestText), min(max(last, 0), longestText)))
}

// Regular expressions are matched under the collation "C", where letters are those of ASCII as they are in every other
// engine; it also takes the place of collations that cannot be used for matching. The column gets the database's own
// back.

const emailExpression = `CASE WHEN $text IS NOT NULL THEN ` +
	`coalesce('***@' || substring(($text COLLATE "C") FROM '@([A-Za-z0-9.-]+)$'), '***') COLLATE "default" END`

func (c column) regex(m entitlements.Mask) string {
	text, matches, flags := `$text COLLATE "C"`, "~", "g"
	if c.Equality == entitlements.Folded { // a letter matches itself in either case, as in every comparison of the column
		text, matches, flags = `$text COLLATE "default"`, "~*", "gi"
	}
	text, pattern := c.written(text), pq.QuoteLiteral(m.Pattern)
	replaced := "regexp_replace(" + text + ", " + pattern + ", " + pq.QuoteLiteral(
		m.Replace,
	) + ", '" + flags + `') COLLATE "default"`
	if m.Keep {
		return replaced
	}
	return "CASE WHEN " + text + " " + matches + " " + pattern + " THEN " + replaced + " END"
}
