// Package restore takes up a state of access requests that was restored from a copy: deputy requests accept-restore.
package restore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/logged"
)

// ErrNothing says that the state is where the audit log has seen it: there is nothing to accept.
var ErrNothing = errors.New("the state is as far as the audit log has seen it")

// Errors of this package's own.
var (
	errOnlyShown = errors.New("nothing was changed")
	errNoState   = errors.New("the configuration has no requests.rules: there is no state to accept")
)

// Accept ends in the state what the audit log knows as ended, holds the rest until stewards confirm it, and puts that
// on the record. First agreed is asked, with what would come of it; without its consent nothing changes. Its error is
// ErrNothing when the state was not restored.
func Accept(
	ctx context.Context,
	c *config.Config,
	log zerolog.Logger,
	agreed func(store.Restored) (bool, error),
) (done store.Restored, err error) {
	if len(c.Requests.Rules) == 0 {
		return done, errNoState
	}
	recorder, err := assembly.AuditForOperator(c, log)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	state, err := store.Open(ctx, assembly.StateConfig(c))
	if err != nil {
		return done, err
	}
	defer state.Close()
	if known := recorder.State(); known != nil {
		state.Know(requests.Position{Sequence: known.Sequence, Event: known.Event})
	}
	if err := state.Sound(ctx); !errors.Is(err, store.ErrRestored) {
		if err == nil {
			err = ErrNothing
		}
		return done, err
	}
	ended, err := logged.Endings(c.Audit.File)
	if err != nil {
		return done, err
	}
	accept := func(record func(store.Restored) error) (store.Restored, error) {
		return state.AcceptRestore(ctx, time.Now(), ended, record)
	}
	var shown store.Restored
	_, err = accept(func(r store.Restored) error { shown = r; return errOnlyShown })
	if !errors.Is(err, errOnlyShown) {
		return done, err
	}
	if yes, err := agreed(shown); err != nil || !yes {
		return done, errors.Join(err, errOnlyShown)
	}
	return accept(func(r store.Restored) error { return recorder.Append(ctx, recordOf(r, c.Version)) })
}

// recordOf is what the audit log has of an acceptance. Who ran the command is what the system says.
func recordOf(r store.Restored, version string) audit.Record {
	out := audit.Record{
		ID: strings.ToLower(rand.Text()), Phase: audit.Ended, Time: time.Now().UTC(), Tool: audit.AcceptRestore,
		Mode: audit.InPerson, User: &audit.Party{ID: admin.Operator(), Issuer: "this machine's accounts"},
		PolicyVersion: version, Outcome: audit.Answered,
		State: &audit.State{Sequence: r.To.Sequence, Event: r.To.Event},
	}
	out.Reasons = append(out.Reasons, fmt.Sprintf("the state was at event %d, and the audit log knew of event %d",
		r.From.Sequence, r.Known.Sequence))
	for _, q := range r.Ended {
		by := q.Decisions[len(q.Decisions)-1].ID
		out.Reasons = append(out.Reasons, fmt.Sprintf("%s was ended again: %s by %s", q.ID, q.Status, by))
	}
	for _, q := range r.Held {
		out.Reasons = append(out.Reasons, fmt.Sprintf("%s is held until a steward confirms it", q.ID))
	}
	return out
}
