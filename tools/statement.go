package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"deputy/vending"
)

// Statements says what of the callers' statements is on the record. In none of the sinks there is more.
type Statements string

// What can be on the record of a statement, from the most to the least.
const (
	Whole    Statements = "full"     // the text, as the caller wrote it
	Redacted Statements = "redacted" // the text without anything that may be a value
	Digested Statements = "digest"   // its SHA-256: whoever has the text can show that it was this one
)

// state puts the statement of a call on its record.
func (r *record) state(t *Tools, sql string) {
	switch t.config.Statements {
	case Whole, "":
		r.SQL = recordable(sql)
	case Redacted:
		if p, err := t.platform(r.Platform); err == nil {
			r.SQL = p.Engine.Dialect().Redact(recordable(sql))
		} else { // nobody knows in which language it is
			r.SQL = "?…"
		}
	default:
		sum := sha256.Sum256([]byte(sql))
		r.SQLDigest = hex.EncodeToString(sum[:])
	}
}

// recordable keeps of a statement what can be kept: one that is too long is refused anyway, and its beginning tells
// what it was.
func recordable(sql string) string {
	if len(sql) > vending.MaxStatement {
		sql = sql[:vending.MaxStatement] + " …"
	}
	return strings.ToValidUTF8(sql, "\uFFFD")
}
