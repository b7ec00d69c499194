package tools

import (
	"context"
	"errors"

	"deputy/identity"
)

// stopped is why the call of a context has ended, if an administrator has stopped who calls: see stops.List.Running,
// which ends the context with that cause. Nil: it has not ended so.
func stopped(ctx context.Context) error {
	why, ok := errors.AsType[*identity.AuthError](context.Cause(ctx))
	if !ok || !errors.Is(why, identity.ErrStopped) {
		return nil
	}
	return &Error{Code: Stopped, Message: why.Message, Cause: context.Canceled}
}
