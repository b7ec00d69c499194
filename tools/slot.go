package tools

import (
	"context"

	"deputy/identity"
	"deputy/tools/platforms"
	"deputy/tools/turns"
)

// platform is a data platform with room for so many calls at once.
type platform struct {
	*platforms.Platform
	turns *turns.Turns
}

// enter waits until it is the call's turn on the platform, and on it as the waiting configuration has it.
func (t *Tools) enter(ctx context.Context, p *platform, who identity.Principal, sql string) (*turns.Turn, error) {
	queues := []*turns.Turns{p.turns}
	if t.waiting != nil {
		queues = append(queues, t.waiting.platforms[p.Name].turns)
	}
	return turns.Enter(ctx, turns.Call{
		Caller: who.Caller(), Tables: func() []string { return p.About(who, sql) },
		LockTimeout: t.config.Limits.LockTimeout,
	}, queues...)
}
