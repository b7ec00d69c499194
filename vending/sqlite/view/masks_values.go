package view

import (
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
)

// decimal is a number as it is written, so that 2.675 is no little less. Text is no number, whatever is written in it.
func decimal(v sqlite3.Value) (*big.Rat, bool) {
	switch v.Type() {
	case sqlite3.INTEGER:
		return new(big.Rat).SetInt64(v.Int64()), true
	case sqlite3.FLOAT:
		return new(big.Rat).SetString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	}
	return nil, false
}

func infinite(v sqlite3.Value) bool { return v.Type() == sqlite3.FLOAT && math.IsInf(v.Float(), 0) }

// rounder goes to the nearest multiple of the step, half away from zero; where a whole number becomes too large, to the
// next towards zero.
func rounder(step string) func(sqlite3.Value) any {
	s, ok := new(big.Rat).SetString(step)
	if !ok || s.Sign() <= 0 {
		return func(sqlite3.Value) any { return nil }
	}
	return func(v sqlite3.Value) any {
		if infinite(v) {
			return v.Float()
		}
		n, ok := decimal(v)
		if !ok {
			return nil
		}
		steps := n.Quo(n, s)
		out := multiple(nearest(steps), s)
		if v.Type() == sqlite3.INTEGER && out.IsInt() {
			if !out.Num().IsInt64() {
				out = multiple(new(big.Int).Quo(steps.Num(), steps.Denom()), s)
			}
			return out.Num().Int64()
		}
		f, _ := out.Float64()
		return f
	}
}

func multiple(n *big.Int, step *big.Rat) *big.Rat {
	return new(big.Rat).Mul(new(big.Rat).SetInt(n), step)
}

func nearest(v *big.Rat) *big.Int {
	n, _ := new(big.Int).SetString(v.FloatString(0), 10) // half away from zero
	return n
}

// sorter gives the name of the first range that a number or a time is in.
func sorter(buckets []entitlements.Bucket, kind entitlements.Kind) func(sqlite3.Value) any {
	return func(v sqlite3.Value) any {
		for _, b := range buckets {
			switch below, known := isBelow(v, b.Below, kind); {
			case !known:
				return nil
			case below:
				return b.Name
			}
		}
		return nil
	}
}

// isBelow compares a value with a bound; everything known is below the one that is empty.
func isBelow(v sqlite3.Value, bound string, kind entitlements.Kind) (below, known bool) {
	if kind != entitlements.Number {
		at, ok := parseTime(v)
		if !ok || bound == "" {
			return ok, ok
		}
		end, err := time.Parse(time.DateOnly, bound)
		if err != nil {
			end, err = time.Parse(time.RFC3339, bound)
		}
		return at.Before(end), err == nil
	}
	n, ok := decimal(v)
	switch {
	case infinite(v):
		return bound == "" || v.Float() < 0, true
	case !ok || bound == "":
		return ok, ok
	}
	end, ok := new(big.Rat).SetString(bound)
	return ok && n.Cmp(end) < 0, ok
}

// moment is how SQLite's own functions read and write a date or a time, and how people do.
var moment = regexp.MustCompile(
	`^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:([ T])[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$`,
)

// layout is how a text writes a date or a time; empty if it does not.
func layout(text string) string {
	m := moment.FindStringSubmatch(text)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return time.DateOnly
	}
	out := time.DateOnly + m[1] + "15:04"
	if m[2] != "" {
		out += ":05"
	}
	if m[3] != "" {
		out += "." + strings.Repeat("0", len(m[3])-1)
	}
	switch m[4] {
	case "":
		return out
	case "Z":
		return out + "Z"
	}
	return out + "-07:00"
}

func parseTime(v sqlite3.Value) (time.Time, bool) {
	if v.Type() != sqlite3.TEXT {
		return time.Time{}, false
	}
	text := v.Text()
	at, err := time.Parse(layout(text), text)
	return at.UTC(), err == nil && layout(text) != ""
}

// truncater cuts a date or time down, in UTC if it says where it is, and writes it as it was written. Where the unit
// would hide nothing of a value, because it has no more than that, nothing is shown.
func truncater(unit entitlements.Unit) func(sqlite3.Value) any {
	return func(v sqlite3.Value) any {
		at, ok := parseTime(v)
		if !ok {
			return nil
		}
		form := layout(v.Text())
		cut := truncate(at, unit)
		switch {
		case form == time.DateOnly && slices.Contains([]entitlements.Unit{"day", "hour", "minute"}, unit):
		case unit == "minute" && !strings.Contains(form, ":05"):
		case cut.IsZero() || cut.Year() < 0:
		default:
			return cut.Format(form)
		}
		return nil
	}
}

// truncate gives the start of the unit, and nothing for one that is not known. Weeks begin on Monday.
func truncate(at time.Time, unit entitlements.Unit) time.Time {
	year, month, day := at.Date()
	date := func(month time.Month, day int) time.Time { return time.Date(year, month, day, 0, 0, 0, 0, time.UTC) }
	switch unit {
	case "year":
		return date(1, 1)
	case "quarter":
		return date((month-1)/3*3+1, 1)
	case "month":
		return date(month, 1)
	case "week":
		return date(month, day-(int(at.Weekday())+6)%7)
	case "day":
		return date(month, day)
	case "hour":
		return at.Truncate(time.Hour)
	case "minute":
		return at.Truncate(time.Minute)
	}
	return time.Time{}
}
