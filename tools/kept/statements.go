// Package kept says what of the callers' statements is kept on the record, and so in every sink.
package kept

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"deputy/vending"
)

// Statements says what of the callers' statements is on the record. In none of the sinks there is more.
type Statements string

// What can be on the record of a statement, from the most to the least.
const (
	Whole    Statements = "full"     // the text, as the caller wrote it
	Redacted Statements = "redacted" // the text without anything that may be a value
	Digested Statements = "digest"   // its SHA-256: a reader who has the text can show that it was this one
)

// Values reports whether values are on the record.
func (s Statements) Values() bool { return s == Whole || s == "" }

// Of is what is on the record of a statement: a text, or a digest. redact takes the values out of a text.
func (s Statements) Of(sql string, redact func(string) string) (text, digest string) {
	switch {
	case s.Values():
		return Recordable(sql), ""
	case s == Redacted:
		return redact(Recordable(sql)), ""
	}
	sum := sha256.Sum256([]byte(sql))
	return "", hex.EncodeToString(sum[:])
}

// Recordable keeps of a statement what can be kept: one that is too long is refused anyway, and its beginning tells
// what it was.
func Recordable(sql string) string {
	if len(sql) > vending.MaxStatement {
		sql = sql[:vending.MaxStatement] + " …"
	}
	return strings.ToValidUTF8(sql, "\uFFFD")
}

// Stricter is the one of two that keeps less.
func (s Statements) Stricter(other Statements) Statements {
	order := []Statements{Digested, Redacted, Whole, ""}
	return order[min(slices.Index(order, s), slices.Index(order, other))]
}
