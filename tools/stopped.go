package tools

import (
	"context"
	"errors"

	"deputy/identity"
)

// ErrEnding is the cause with which a transport ends the contexts of calls that still run when its server has to end.
var ErrEnding = errors.New("this server was stopped before the call had ended")

// ended is why the call of a context has to end, whatever it says itself: an administrator has stopped who calls, or
// the server ends. Nil: it need not.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrEnding) {
		return &Error{
			Code:    Cancelled,
			Message: ErrEnding.Error(),
			Hint:    "send the call again: another server takes its place, or this one is there again in a moment",
			Cause:   context.Canceled,
		}
	}
	return stopped(ctx)
}

// stopped is why the call of a context has ended, if an administrator has stopped who calls: see stops.List.Running,
// which ends the context with that cause. Nil: it has not ended so.
func stopped(ctx context.Context) error {
	why, ok := errors.AsType[*identity.AuthError](context.Cause(ctx))
	if !ok || !errors.Is(why, identity.ErrStopped) {
		return nil
	}
	return &Error{Code: Stopped, Message: why.Message, Cause: context.Canceled}
}
