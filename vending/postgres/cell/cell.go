// Package cell makes what vending.Result holds of the values that lib/pq gives.
package cell

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// TypeName is the type in PostgreSQL's own short words; "other" for what is not built in.
func TypeName(databaseType string) string {
	name := strings.ToLower(databaseType)
	if element, isArray := strings.CutPrefix(name, "_"); isArray {
		return element + "[]"
	}
	if name == "" {
		return "other"
	}
	return name
}

// Convert turns what lib/pq gives into what vending.Result holds. Whatever a JSON number cannot carry exactly becomes a
// string.
func Convert(v any, databaseType string) any {
	switch x := v.(type) {
	case int64:
		if databaseType == "INT8" || x != int64(int32(x)) {
			return strconv.FormatInt(x, 10)
		}
		return x
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return strings.TrimPrefix(strconv.FormatFloat(x, 'g', -1, 64), "+")
		}
		return x
	case []byte:
		if databaseType == "BYTEA" {
			return `\x` + hex.EncodeToString(x)
		}
		return string(x)
	case time.Time:
		return temporal(x, databaseType)
	}
	return v
}

// temporal writes a time as RFC 3339 does. What has no place there is written in PostgreSQL's own words, which SQL
// takes back: years before Christ and those of more than four digits, offsets with seconds, 24:00:00.
func temporal(t time.Time, databaseType string) string {
	switch databaseType {
	case "TIME":
		return clock(t)
	case "TIMETZ":
		if _, offset := t.Zone(); offset%60 != 0 {
			return clock(t) + ownZone(t)
		}
		return clock(t) + t.Format("Z07:00")
	}
	year, era := t.Year(), ""
	if year < 1 {
		year, era = 1-year, " BC"
	}
	date := fmt.Sprintf("%04d-%s", year, t.Format("01-02"))
	_, offset := t.Zone()
	ordinary := era == "" && year < 10000 && offset%60 == 0
	switch {
	case databaseType == "DATE":
		return date + era
	case databaseType == "TIMESTAMP" && ordinary:
		return date + t.Format("T15:04:05.999999")
	case databaseType == "TIMESTAMP":
		return date + t.Format(" 15:04:05.999999") + era
	case ordinary:
		return date + t.Format("T15:04:05.999999Z07:00")
	}
	return date + " " + t.Format("15:04:05.999999") + ownZone(t) + era
}

// clock is a time of day. lib/pq gives 24:00:00 as midnight of the day behind the year 0's first.
func clock(t time.Time) string {
	if t.Day() == 2 {
		return "24:00:00"
	}
	return t.Format("15:04:05.999999")
}

// ownZone is an offset as PostgreSQL writes it: without minutes or seconds that are zero.
func ownZone(t time.Time) string {
	switch _, offset := t.Zone(); {
	case offset%60 != 0:
		return t.Format("-07:00:00")
	case offset%3600 != 0:
		return t.Format("-07:00")
	}
	return t.Format("-07")
}
