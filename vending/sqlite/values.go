package sqlite

import (
	"encoding/hex"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
)

// output is one output column. SQLite knows a declared type only where a column of a table comes out as it is.
type output struct {
	name     string
	declared string
	exact    bool   // declared numeric: values are exact, so they are strings
	scale    int    // digits behind the point that exact values have at least
	wide     bool   // declared 64 bits wide: values are strings, whatever they are
	boolean  bool   // SQLite has 0 and 1
	seen     string // storage class of the first value that was not NULL
}

var numeric = regexp.MustCompile(`^(?:numeric|decimal)\s*(?:\(\s*\d+\s*(?:,\s*(\d{1,2})\s*)?\))?$`)

func newOutput(name, declared string) output {
	declared = strings.ToLower(declared)
	o := output{name: name, declared: declared, boolean: kindOf(declared) == entitlements.Boolean}
	if m := numeric.FindStringSubmatch(declared); m != nil {
		o.exact = true
		o.scale, _ = strconv.Atoi(m[1])
	}
	o.wide = declared == "bigint" || declared == "int8"
	return o
}

// typeName is the declared type or, for an expression, what kind of value it gave.
func (o output) typeName() string {
	switch {
	case o.declared != "":
		return o.declared
	case o.seen != "":
		return o.seen
	}
	return "any"
}

func (o *output) value(stmt *sqlite3.Stmt, i int) any {
	class := stmt.ColumnType(i)
	if class != sqlite3.NULL && o.seen == "" {
		o.seen = strings.ToLower(class.String())
	}
	switch class {
	case sqlite3.INTEGER:
		return o.integer(stmt.ColumnInt64(i))
	case sqlite3.FLOAT:
		return o.real(stmt.ColumnFloat(i))
	case sqlite3.TEXT:
		return strings.ToValidUTF8(stmt.ColumnText(i), "\uFFFD")
	case sqlite3.BLOB:
		return `\x` + hex.EncodeToString(stmt.ColumnRawBlob(i))
	}
	return nil
}

func (o *output) integer(v int64) any {
	text := strconv.FormatInt(v, 10)
	switch {
	case o.boolean && (v == 0 || v == 1):
		return v == 1
	case o.exact:
		return o.pad(text)
	case o.wide, v < math.MinInt32, v > math.MaxInt32:
		return text
	}
	return v
}

func (o *output) real(v float64) any {
	switch {
	case math.IsInf(v, 0) || math.IsNaN(v):
		return strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+")
	case o.exact:
		return o.pad(strconv.FormatFloat(v, 'f', -1, 64))
	}
	return v
}

// pad writes as many digits behind the point as were declared. It never takes one away.
func (o *output) pad(number string) string {
	_, fraction, found := strings.Cut(number, ".")
	missing := o.scale - len(fraction)
	if missing <= 0 {
		return number
	}
	if !found {
		number += "."
	}
	return number + strings.Repeat("0", missing)
}
