package postgres

import (
	"errors"
	"slices"
	"strings"

	"github.com/lib/pq"
)

// What a statement cannot do because it runs on views, in the words of the way out. docs/limits.md has them all.
const (
	noTypes = "types of the database's own cannot be named here: write the value without the cast, " +
		"as in status = 'open', or cast the column to text"
	noKeys     = "here a primary key does not stand for the other columns, so name each of them in GROUP BY"
	noSampling = "TABLESAMPLE cannot be used here, since tables are read through views: " +
		"use a condition on a key, or ORDER BY random() with LIMIT"
)

// notSupported is what PostgreSQL cannot do with the text of a statement: its own words know nothing but the text.
func (v *vended) notSupported(err error) string {
	var pe *pq.Error
	switch {
	case !errors.As(err, &pe):
		return onlyReads
	case strings.HasPrefix(pe.Message, "TABLESAMPLE clause can only be applied"):
		return noSampling
	}
	return v.ownWords(err)
}

// unplanned are what PostgreSQL says of statements that it understands and cannot plan. These words hold no value; in
// others of the same code it quotes values of rows.
var unplanned = []string{"FULL JOIN is only supported", "could not implement "}

// notSupportedAtRun is what PostgreSQL cannot do with a statement that was prepared.
func notSupportedAtRun(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) {
		if slices.ContainsFunc(unplanned, func(words string) bool { return strings.HasPrefix(pe.Message, words) }) {
			return strings.TrimSuffix(pe.Message+": "+pe.Detail, ": ")
		}
	}
	return "a value does not fit: " + kindOfError(err)
}
