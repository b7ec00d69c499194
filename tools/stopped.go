package tools

import (
	"context"
	"errors"

	"deputy/identity"
	"deputy/vending"
)

// Stopped is the code of a call that has ended because its agent or its human is stopped. It is a refusal like every
// other: on the record, and told to the caller.
const Stopped vending.Code = "stopped"

// stopped is why the call of a context has ended, if an administrator has stopped who calls: see stops.List.Running,
// which ends the context with that cause. Nil: it has not ended so.
func stopped(ctx context.Context) error {
	why, ok := errors.AsType[*identity.AuthError](context.Cause(ctx))
	if !ok || !errors.Is(why, identity.ErrStopped) {
		return nil
	}
	return &vending.Error{Code: Stopped, Message: why.Message, Cause: context.Canceled}
}
