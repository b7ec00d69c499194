package postgres

import (
	"context"
	"errors"
	"strings"

	"deputy/internal/pgconn"
	"deputy/vending"
)

// saying is what a caller is told of a trouble of the database's.
type saying struct {
	code    vending.Code
	message string
}

// troubles are what the database says about itself and not about the statement, by SQLSTATE.
var troubles = map[string]saying{
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
var unusable = saying{
	vending.Unavailable, "the database cannot use its own files: its administrator finds the reason in its log",
}

// silence is said of a database that a call has waited for in vain.
var silence = saying{vending.Silent, "the database is silent: it took the call and has not answered"}

// troubled is the error of a database that is in trouble, nil where it is not or says nothing of it.
func troubled(err error) error {
	code := state(err)
	said, is := troubles[code]
	switch {
	case is:
	case strings.HasPrefix(code, "58"):
		said = unusable
	case errors.Is(err, pgconn.ErrSilent):
		said = silence
	default:
		return nil
	}
	return &vending.Error{Code: said.code, Message: said.message, Cause: cause(err)}
}

// unavailable is for everything that is between us and the database and not about the statement.
func unavailable(err error) error {
	var known *vending.Error
	if errors.As(err, &known) {
		return err
	}
	if trouble := troubled(err); trouble != nil {
		return trouble
	}
	if errors.Is(err, context.Canceled) {
		return &vending.Error{Code: vending.Cancelled, Message: "the call was cancelled", Cause: cause(err)}
	}
	if why := setUp(err); why != nil {
		err = why
	}
	return &vending.Error{
		Code:    vending.Unavailable,
		Message: "the data platform cannot be reached now: try again later",
		Cause:   cause(err),
	}
}

// cutOff is for what ended without a word from the database: the caller is gone, the call's own time was up, or the
// database is not there.
func cutOff(ctx context.Context, err error) error {
	var known *vending.Error
	if ctx.Err() != nil && !errors.As(err, &known) && (troubled(err) == nil || errors.Is(ctx.Err(), context.Canceled)) {
		return interrupted(ctx, err)
	}
	return unavailable(err)
}
