package postgres

import (
	"database/sql"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"deputy/vending"
)

// readRows reads up to the limits.
func readRows(rows *sql.Rows, maxRows, maxBytes int) (vending.Result, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return vending.Result{}, err
	}
	result := vending.Result{Rows: [][]any{}, Columns: make([]vending.OutputColumn, len(types))}
	for i, t := range types {
		result.Columns[i] = vending.OutputColumn{Name: t.Name(), Type: typeName(t)}
	}
	size := 0
	for rows.Next() {
		if len(result.Rows) >= maxRows {
			result.Truncated = true
			return result, nil
		}
		row, err := readRow(rows, types)
		if err != nil {
			return vending.Result{}, err
		}
		for _, v := range row {
			size += valueSize(v)
		}
		if size > maxBytes {
			result.Truncated = true
			return result, nil
		}
		result.Rows = append(result.Rows, row)
	}
	return result, rows.Err()
}

func readRow(rows *sql.Rows, types []*sql.ColumnType) ([]any, error) {
	row := make([]any, len(types))
	targets := make([]any, len(types))
	for i := range row {
		targets[i] = &row[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	for i, t := range types {
		row[i] = convert(row[i], t.DatabaseTypeName())
	}
	return row, nil
}

// typeName is the type in PostgreSQL's own short words; "other" for what is not built in.
func typeName(t *sql.ColumnType) string {
	name := strings.ToLower(t.DatabaseTypeName())
	if element, isArray := strings.CutPrefix(name, "_"); isArray {
		return element + "[]"
	}
	if name == "" {
		return "other"
	}
	return name
}

// convert turns what lib/pq gives into what vending.Result holds. Whatever a JSON number cannot carry exactly becomes a string.
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
