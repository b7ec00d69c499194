package postgres

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// typeName is the type in PostgreSQL's own short words; "other" for what is not built in.
func typeName(databaseType string) string {
	name := strings.ToLower(databaseType)
	if element, isArray := strings.CutPrefix(name, "_"); isArray {
		return element + "[]"
	}
	if name == "" {
		return "other"
	}
	return name
}

// convert turns what lib/pq gives into what vending.Result holds. Whatever a JSON number cannot carry exactly becomes a
// string.
func convert(v any, databaseType string) any {
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
		return x.Format(timeFormat(databaseType))
	}
	return v
}

func timeFormat(databaseType string) string {
	switch databaseType {
	case "DATE":
		return time.DateOnly
	case "TIME":
		return "15:04:05.999999"
	case "TIMETZ":
		return "15:04:05.999999Z07:00"
	case "TIMESTAMP":
		return "2006-01-02T15:04:05.999999"
	}
	return time.RFC3339Nano
}

func valueSize(v any) int {
	if s, ok := v.(string); ok {
		return len(s)
	}
	return 8
}
