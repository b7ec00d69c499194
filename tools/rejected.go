package tools

import (
	"context"
	"errors"
	"fmt"

	"deputy/audit"
	"deputy/identity"
)

// TurnAway puts on the record that a credential was not accepted, and who sent it if that was proved: an agent
// that is disabled, a human it may not act for. There is nothing of the credential in it. Who brought none is told
// where to get one, as every client is the first time, and is not on the record; nor is who could not be asked about.
// Who is stopped is on the record whatever the code, also when the list of stops cannot be read. See NoDecision for
// those who wanted to decide.
func (t *Tools) TurnAway(ctx context.Context, client string, why *identity.AuthError) {
	if why.Code == identity.Missing || why.Code == identity.Unavailable && !errors.Is(why, identity.ErrStopped) {
		return
	}
	t.turnAway(ctx, client, why)
}

// NoDecision is TurnAway for who wanted to decide on a request: nobody does that the first time, so that no credential
// is an event too, whatever else the request says of who sent it.
func (t *Tools) NoDecision(ctx context.Context, client string, why *identity.AuthError) {
	if why.Code != identity.Unavailable || errors.Is(why, identity.ErrStopped) {
		t.turnAway(ctx, client, why)
	}
}

func (t *Tools) turnAway(ctx context.Context, client string, why *identity.AuthError) {
	now, limiter := t.config.Now(), t.unproved
	if why.Who != nil { // who prove who they are do not stand in one line with those who prove nothing
		limiter = t.proved
	}
	room, more := limiter.Note(now)
	if !room {
		return
	}
	r := audit.Record{
		ID: t.newID(), Phase: audit.Ended, Time: now.UTC(), Tool: audit.Authenticate, Client: client,
		PolicyVersion: t.config.Version, WaitingVersion: t.waitingVersion(),
		Outcome: audit.Denied, Code: string(why.Code), Reasons: []string{why.Message},
	}
	if why.Who != nil {
		identify(&r, *why.Who)
	}
	if why.Client != "" {
		r.Reasons = append(r.Reasons, fmt.Sprintf("the token's client is %q", why.Client))
	}
	if more > 0 {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d more were turned away since the last one on the record", more))
	}
	if err := t.config.Audit.Append(context.WithoutCancel(ctx), r); err != nil {
		t.config.Log.Error().Str("id", r.ID).Err(err).Msg("a refused caller could not be recorded")
	}
}
