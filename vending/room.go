package vending

import (
	"context"
	"errors"

	"deputy/internal/budget"
)

const (
	// AnswerCost is how much memory an answer takes at once for each byte of it that is sent: its values, its text, and
	// the copies that become of both on the way to the caller.
	AnswerCost = 5
	// smallAnswer is the size in bytes up to which an answer needs what it takes from the start.
	smallAnswer = 32 << 10
	// AnswerStart is the memory that an answer takes from the start, in bytes. An engine that reserves memory for a
	// session reserves this much with it: callers who hold a session and wait for this would wait for each other.
	AnswerStart = smallAnswer * AnswerCost
)

// ErrRowTooLarge is the error of a row that is larger than an answer may be.
var ErrRowTooLarge = &Error{
	Code:    InvalidSQL,
	Message: "a row of the answer is larger than an answer may be: ask for fewer columns, or for a part of a long value",
}

// Room is what the answer to one lease may take of the memory that all calls share: a little of it from the start, and
// all that the lease allows once it is more. So no answer waits for others while it holds a part of what they wait for.
type Room struct {
	account *budget.Account
	beside  int64 // bytes that the call holds for something else
	most    int   // bytes of the answer
	used    int   // bytes of the rows that are in the answer
	whole   bool
}

// RoomFor begins an answer. beside is what the call holds already, in bytes. The error is *Error.
func RoomFor(ctx context.Context, lease Lease, beside int64) (*Room, error) {
	r := &Room{account: budget.Of(ctx), beside: beside}
	r.most = int((r.account.Largest(beside+int64(lease.MaxBytes)*AnswerCost) - beside) / AnswerCost)
	return r, r.raise(ctx, min(r.most, smallAnswer))
}

// Most is the size in bytes that the answer may have: what the lease allows, or less where memory has no room for that.
func (r *Room) Most() int { return r.most }

// Expect makes room for a row of so many bytes, before it is there. The error is *Error.
func (r *Room) Expect(ctx context.Context, bytes int) error {
	if r.whole || r.used+bytes <= smallAnswer {
		return nil
	}
	if err := r.raise(ctx, r.most); err != nil {
		return err
	}
	r.whole = true
	return nil
}

// Add takes a row of so many bytes into the answer. It does not fit when the answer would be too large with it. The
// error is *Error: ErrRowTooLarge when it is too large alone.
func (r *Room) Add(ctx context.Context, bytes int) (fits bool, err error) {
	switch {
	case r.used+bytes <= r.most:
	case r.used > 0:
		return false, nil
	default:
		return false, ErrRowTooLarge
	}
	if err := r.Expect(ctx, bytes); err != nil {
		return false, err
	}
	r.used += bytes
	return true, nil
}

// End gives back what the answer did not need, and what the call held beside it.
func (r *Room) End() { r.account.Lower(int64(r.used) * AnswerCost) }

func (r *Room) raise(ctx context.Context, bytes int) error {
	return Reserve(ctx, r.beside+int64(bytes)*AnswerCost)
}

// Reserve has the call hold so many bytes of the memory that all calls share. Its error is *Error.
func Reserve(ctx context.Context, total int64) error {
	err := budget.Of(ctx).Raise(ctx, total)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return &Error{Code: Cancelled, Message: "the call was cancelled", Cause: err}
	case errors.Is(err, budget.ErrTooLarge):
		return &Error{
			Code:    InvalidSQL,
			Message: "the statement needs more memory than all calls together have: make it simpler, or ask for less",
			Cause:   err,
		}
	}
	return &Error{
		Code:    TooBusy,
		Message: "the memory for answers is in use by other calls: try again in a moment, or ask for less at once",
		Cause:   err,
	}
}
