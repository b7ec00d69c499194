package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending"
)

// limit sets what a statement may be, and how many parameters it may have.
func (c conn) limit(parameters []vending.Parameter) {
	for category, value := range limits {
		c.Limit(category, value)
	}
	c.Limit(sqlite3.LIMIT_VARIABLE_NUMBER, max(1, len(parameters)))
}

// checkParameters refuses a statement that has other parameters than these, as SQLite itself reads it.
func checkParameters(stmt *sqlite3.Stmt, parameters []vending.Parameter) error {
	switch {
	case len(parameters) == 0 && stmt.BindCount() > 0:
		return errParameters
	case stmt.BindCount() != len(parameters):
		return errOtherParameters
	}
	for i := range parameters {
		if !slices.ContainsFunc(parameters, func(p vending.Parameter) bool { return stmt.BindName(i+1) == ":"+p.Name }) {
			return errOtherParameters
		}
	}
	return nil
}

// bind gives the parameters of a statement their values.
func bind(stmt *sqlite3.Stmt, arguments []vending.Argument) error {
	for _, a := range arguments {
		if err := bindOne(stmt, stmt.BindIndex(":"+a.Name), a); err != nil {
			return fmt.Errorf("binding a parameter: %w", err)
		}
	}
	return nil
}

// errNoNumber does not say what was no number.
var errNoNumber = errors.New("the value is no number")

func bindOne(stmt *sqlite3.Stmt, i int, a vending.Argument) error {
	switch {
	case a.Null:
		return stmt.BindNull(i)
	case a.List: // SQLite has no lists: json_each makes rows of one
		return stmt.BindText(i, listOf(a))
	}
	switch a.Kind {
	case vending.Boolean:
		return stmt.BindBool(i, a.Values[0] == "true")
	case vending.Integer, vending.Number:
		if n, err := strconv.ParseInt(a.Values[0], 10, 64); err == nil {
			return stmt.BindInt64(i, n)
		}
		f, err := strconv.ParseFloat(a.Values[0], 64)
		if err != nil {
			return errNoNumber
		}
		return stmt.BindFloat(i, f)
	case vending.Timestamp:
		return stmt.BindText(i, timestamp(a.Values[0]))
	}
	return stmt.BindText(i, a.Values[0])
}

// timestamp is a point in time as datetime() writes it, with a fraction where there is one.
func timestamp(canonical string) string {
	t, err := time.Parse(time.RFC3339Nano, canonical)
	if err != nil {
		return canonical
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999")
}

// listOf is a list as json_each reads it.
func listOf(a vending.Argument) string {
	var elements []string
	for _, v := range a.Values {
		switch a.Kind {
		case vending.Boolean, vending.Integer, vending.Number:
			elements = append(elements, v)
			continue
		case vending.Timestamp:
			v = timestamp(v)
		}
		quoted, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("sqlite: a string as JSON: %v", err)) // which every string is
		}
		elements = append(elements, string(quoted))
	}
	return "[" + strings.Join(elements, ",") + "]"
}
