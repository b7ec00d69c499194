package sqlite

import "strings"

// functions are those a vended statement may call: they depend on their arguments, the clock and chance alone, touch
// nothing outside the statement, and their work is bounded by the length that a value may have. Not in the list are
// load_extension, regexp, decimal_*, what tells of the session (changes, total_changes and last_insert_rowid count the
// tables that were hidden; sqlite_*), and whatever a later SQLite or an extension adds.
var functions = set(`
	abs avg ceil ceiling char coalesce concat concat_ws count cume_dist current_date current_time current_timestamp
	date datetime degrees dense_rank exp first_value floor format glob group_concat hex if ifnull iif instr
	julianday lag last_value lead length like ln log log10 log2 lower ltrim max min mod nth_value ntile nullif
	octet_length percent_rank pi pow power printf quote radians rank replace round row_number rtrim sign sqrt
	strftime string_agg substr substring sum time timediff total trim trunc typeof unhex unicode unixepoch upper
	sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
	-> ->> json json_array json_array_length json_extract json_group_array json_group_object json_insert json_object
	json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid
	random randomblob zeroblob likely unlikely likelihood sqlite_version
`)

// tableFunctions may stand in FROM.
var tableFunctions = set(`json_each json_tree generate_series`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// isCatalog reports whether a (folded) table name is SQLite's own: schema tables, statistics, and pragmas in the guise
// of tables.
func isCatalog(table string) bool {
	return strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "pragma_")
}
