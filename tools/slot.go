package tools

import (
	"context"
	"time"

	"deputy/tools/platforms"
)

// platform is a data platform with room for so many calls at once.
type platform struct {
	*platforms.Platform
	slots chan struct{} // one token per running call
}

const slotWait = 10 * time.Second // how long a call waits for a slot

// enter takes a slot, and returns how to leave it.
func enter(ctx context.Context, slots chan struct{}) (leave func(), err error) {
	leave = func() { <-slots }
	select {
	case slots <- struct{}{}:
		return leave, nil
	default:
	}
	wait := time.NewTimer(slotWait)
	defer wait.Stop()
	select {
	case slots <- struct{}{}:
		return leave, nil
	case <-wait.C:
		return nil, &Error{Code: TooBusy, Message: "too many calls are running: try again in a moment"}
	case <-ctx.Done():
		return nil, &Error{Code: Cancelled, Message: "the call was cancelled", Cause: ctx.Err()}
	}
}
