package view

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"deputy/entitlements"
)

// constant is a value of the column's type, or empty if the type cannot hold it.
func (c column) constant(value string) string {
	switch c.Kind {
	case entitlements.Number:
		if !holds(c.shown, value) {
			return ""
		}
		return pq.QuoteLiteral(value) + "::numeric" // 1.5 is rounded for an integer column, and not refused
	case entitlements.Boolean:
		return pq.QuoteLiteral(value) + "::boolean"
	case entitlements.Date, entitlements.Time:
		return pq.QuoteLiteral(value) + "::" + c.Type
	}
	return pq.QuoteLiteral(value) + "::text"
}

// whole are the types of whole numbers, with the number of their bits.
var whole = map[string]uint{"smallint": 16, "integer": 32, "bigint": 64}

// limits are the smallest and the largest whole number of that many bits.
func limits(bits uint) (least, most *big.Int) {
	end := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return new(big.Int).Neg(end), new(big.Int).Sub(end, big.NewInt(1))
}

var exact = regexp.MustCompile(`^numeric\(([0-9]+),(-?[0-9]+)\)$`)

// holds reports whether a value of the type can be made of a decimal. Of types it does not know it says no.
func holds(typ, decimal string) bool {
	switch typ {
	case "", "text", "numeric", "real", "double precision":
		return true
	}
	v, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return false
	}
	if bits := whole[typ]; bits > 0 {
		least, most := limits(bits)
		n := rounded(v)
		return n.Cmp(least) >= 0 && n.Cmp(most) <= 0
	}
	if m := exact.FindStringSubmatch(typ); m != nil {
		precision, _ := strconv.Atoi(m[1])
		scale, _ := strconv.Atoi(m[2])
		if scale >= 0 {
			v.Mul(v, new(big.Rat).SetInt(powerOfTen(scale)))
		} else {
			v.Quo(v, new(big.Rat).SetInt(powerOfTen(-scale)))
		}
		return rounded(v).CmpAbs(powerOfTen(precision)) < 0
	}
	return false
}

// rounded is the nearest whole number, half away from zero like PostgreSQL.
func rounded(v *big.Rat) *big.Int {
	n, _ := new(big.Int).SetString(v.FloatString(0), 10)
	return n
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// roundedType is the column's own where the multiples of every step are values of it, and numeric without limits
// otherwise.
func roundedType(c entitlements.ColumnAccess) string {
	for _, m := range c.Masks {
		if m.Kind == entitlements.MaskRound && whole[c.Type] > 0 && strings.Contains(m.Step, ".") {
			return "numeric"
		}
	}
	if whole[c.Type] > 0 || isFloat(c.Type) {
		return c.Type
	}
	return "numeric"
}

func isFloat(typ string) bool { return typ == "real" || typ == "double precision" }

// round goes to the nearest multiple of the step, half away from zero. There is no division in it, whose result could
// be inexact.
func (c column) round(step string) string {
	n := "(" + c.raw + ")::numeric"
	if isFloat(c.Type) {
		n = "(" + c.raw + ")::text::numeric" // as it is written; a plain cast would cut it to 15 digits
	}
	s := "'" + step + "'::numeric"
	up := fmt.Sprintf("abs(%s %% %s) * 2 >= %[2]s", n, s)
	if bits := whole[c.shown]; bits > 0 { // where that would be too much for the type, to the next multiple towards zero
		least, most := limits(bits)
		up += fmt.Sprintf(" AND %s - %[1]s %% %s + sign(%[1]s) * %[2]s BETWEEN %s AND %s", n, s, least, most)
	}
	multiple := fmt.Sprintf("%s - %[1]s %% %s + CASE WHEN %s THEN sign(%[1]s) * %[2]s ELSE 0 END", n, s, up)
	if whole[c.Type] > 0 {
		return multiple
	}
	return fmt.Sprintf("CASE WHEN %s IN ('NaN', 'Infinity', '-Infinity') THEN %[1]s ELSE %s END", n, multiple)
}

func (c column) truncate(unit entitlements.Unit) string {
	u := pq.QuoteLiteral(string(unit))
	switch {
	case c.Type == "date":
		return "date_trunc(" + u + ", (" + c.raw + ")::timestamp)::date"
	case !strings.HasPrefix(c.Type, "timestamp"):
		return ""
	case c.zoned():
		return "date_trunc(" + u + ", " + c.raw + ", 'UTC')"
	}
	return "date_trunc(" + u + ", " + c.raw + ")"
}

func (c column) zoned() bool { return strings.HasSuffix(c.Type, " with time zone") }

func (c column) bucket(buckets []entitlements.Bucket) string {
	q := "CASE WHEN " + c.raw + " IS NULL THEN NULL"
	for _, b := range buckets {
		if b.Below == "" {
			q += " ELSE " + pq.QuoteLiteral(b.Name) + "::text"
			break
		}
		q += " WHEN " + c.below(b.Below) + " THEN " + pq.QuoteLiteral(b.Name) + "::text"
	}
	return q + " END"
}

func (c column) below(bound string) string {
	switch {
	case c.Kind == entitlements.Number && isFloat(c.Type):
		return "(" + c.raw + ")::double precision < '" + bound + "'::double precision"
	case c.Kind == entitlements.Number:
		return "(" + c.raw + ")::numeric < '" + bound + "'::numeric"
	}
	at, err := time.Parse(time.DateOnly, bound)
	if err != nil {
		at, err = time.Parse(time.RFC3339, bound)
	}
	switch {
	case err != nil: // it would not fit
		return "NULL"
	case c.zoned():
		return c.raw + " < '" + at.UTC().Format("2006-01-02 15:04:05.999999999+00") + "'::timestamptz"
	}
	return c.raw + " < '" + at.UTC().Format("2006-01-02 15:04:05.999999999") + "'::timestamp"
}
