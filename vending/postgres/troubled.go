package postgres

import (
	"context"
	"errors"

	"deputy/internal/pgconn"
	"deputy/vending"
	"deputy/vending/postgres/trouble"
)

// troubled is the error of a database that is in trouble, nil where it is not or says nothing of it.
func troubled(err error) error {
	said, is := trouble.Of(state(err))
	if !is && errors.Is(err, pgconn.ErrSilent) {
		said, is = trouble.Silence, true
	}
	if !is {
		return nil
	}
	return &vending.Error{Code: said.Code, Message: said.Message, Cause: cause(err)}
}

// unavailable is for everything that is between us and the database and not about the statement.
func unavailable(err error) error {
	var known *vending.Error
	if errors.As(err, &known) {
		return err
	}
	if said := troubled(err); said != nil {
		return said
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
