package vending

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxStatement is the size of the longest statement that is looked at, in bytes.
const MaxStatement = 64 << 10

// Shape refuses what no engine should ever see: text that is not UTF-8, has a NUL in it, is empty or too long.
// It is all that is checked before the database itself reads the statement.
func Shape(sql string) error {
	switch {
	case len(sql) > MaxStatement:
		return &Error{
			Code:    InvalidSQL,
			Message: fmt.Sprintf("the statement is longer than %d KiB: ask for less at once", MaxStatement>>10),
		}
	case !utf8.ValidString(sql):
		return &Error{Code: InvalidSQL, Message: "the statement is not valid UTF-8"}
	case strings.ContainsRune(sql, 0):
		return &Error{Code: InvalidSQL, Message: "the statement contains a NUL character"}
	case strings.TrimSpace(sql) == "":
		return &Error{Code: InvalidSQL, Message: "the statement is empty: write one SELECT"}
	}
	return nil
}

// NoCatalogs is said of a database's own tables.
const NoCatalogs = "system catalogs cannot be read: describe_table lists the tables"

// Gate refuses an analysed statement that uses what is forbidden to every vended role, by identity and wherever it
// stands. It is the second lock: what it refuses is harmless without it too.
func Gate(s *Statement) error {
	if len(s.Forbidden) == 0 {
		return nil
	}
	f := s.Forbidden[0]
	switch f.What {
	case "catalog":
		return &Error{Code: Unsupported, Message: NoCatalogs}
	case "table", "hidden":
		return &Error{
			Code:    NotPermitted,
			Message: "the statement names a table that is not there or that you may not read: describe_table lists those you can",
		}
	}
	message := fmt.Sprintf("the %s %s may not be used", f.What, f.Name)
	if f.Hint != "" {
		message += ": " + f.Hint
	}
	return &Error{Code: Unsupported, Message: message}
}
