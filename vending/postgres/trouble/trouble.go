// Package trouble says what a database has to say of itself, in words for the caller: it is full, locked, silent or
// going down, and the statement is not to blame.
package trouble

import (
	"strings"

	"deputy/vending"
)

// Saying is what a caller is told of a trouble.
type Saying struct {
	Code    vending.Code
	Message string
}

// troubles are what the database says about itself and not about the statement, by SQLSTATE.
var troubles = map[string]Saying{
	"40001": {vending.TooBusy, "the database gave the statement up for another one: try again in a moment"},
	"40P01": {vending.TooBusy, "the database gave the statement up for another one: try again in a moment"},
	"53100": {vending.DiskFull, "the database has no room left on its disk, and the statement needs some"},
	"53200": {vending.TooExpensive, "the database has not the memory that the statement needs: ask for less"},
	"53300": {vending.NoConnection, "the database has no connection left: try again in a moment"},
	"53400": {
		vending.TooExpensive,
		"the statement needs more room for temporary files than the database gives to one: sort, join or group less",
	},
	"55P03": {vending.Locked, vending.LockedMessage},
	"XX001": {vending.Unavailable, "the database reports damaged data: its administrator finds the reason in its log"},
	"XX002": {
		vending.Unavailable,
		"the database reports a damaged index: its administrator finds the reason in its log",
	},
	"57P01": {vending.Unavailable, "the database's administrator ended the connection: try again in a moment"},
	"57P02": {vending.Unavailable, "the database went down in the middle of this: try again in a moment"},
	"57P03": {vending.Unavailable, "the database is starting up or shutting down: try again in a moment"},
}

// unusable is what class 58 says: the database cannot read or write its own files.
var unusable = Saying{
	vending.Unavailable, "the database cannot use its own files: its administrator finds the reason in its log",
}

// Silence is said of a database that a call has waited for in vain.
var Silence = Saying{vending.Silent, "the database is silent: it took the call and has not answered"}

// Of is what is said of an SQLSTATE; not ok: it is about the statement, or nothing is known of it.
func Of(sqlstate string) (said Saying, ok bool) {
	if said, ok = troubles[sqlstate]; !ok && strings.HasPrefix(sqlstate, "58") {
		return unusable, true
	}
	return said, ok
}
