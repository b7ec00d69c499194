package sqltext

import (
	"regexp"
	"strings"
)

// plain are the names that need no quotes whatever SQLite's version; it takes A to Z and a to z for the same.
var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func bare(name string) bool { return plain.MatchString(name) && !words[strings.ToLower(name)] }

// words are SQLite's own, and those that it reads as values where no column has the name. It takes most of them for
// names in most places; with quotes, it does everywhere.
var words = wordSet(`
abort action add after all alter always analyze and as asc attach autoincrement before begin between by cascade
case cast check collate column commit conflict constraint create cross current current_date current_time
current_timestamp database default deferrable deferred delete desc detach distinct do drop each else end escape
except exclude exclusive exists explain fail false filter first following for foreign from full generated glob
group groups having if ignore immediate in index indexed initially inner insert instead intersect into is isnull
join key last left like limit match materialized natural no not nothing notnull null nulls of offset on or order
others outer over partition plan pragma preceding primary query raise range recursive references regexp reindex
release rename replace restrict returning right rollback row rows savepoint select set table temp temporary then
ties to transaction trigger true unbounded union unique update using vacuum values view virtual when where window
with within without`)

func wordSet(text string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		out[word] = true
	}
	return out
}
