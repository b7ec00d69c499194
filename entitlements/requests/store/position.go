package store

import (
	"context"
	"errors"
	"fmt"

	"deputy/entitlements/requests"
)

// ErrRestored is about a state that has come less far than it once had, or to something else: it was restored from a
// copy, or a standby took its place that had not everything yet. What was taken back since would be open again, so
// nothing is read from it and nothing written, until an administrator has accepted it.
var ErrRestored = errors.New("the state database was restored from a copy, or is another one")

// Reached implements requests.Store.
func (s *State) Reached() requests.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached
}

// Know says how far the state has come, as an audit log has it.
func (s *State) Know(p requests.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Sequence > s.reached.Sequence {
		s.reached = p
	}
}

// standing is how far the database says that it is.
type standing struct {
	Sequence int64  `db:"sequence"`
	Event    string `db:"event"`
	Version  int64  `db:"version"` // of its schema
	Known    string `db:"known"`   // the id of the event that we know was there; empty: that event is gone
}

// standingQuery takes the sequence of the event that we know was there.
const standingQuery = `SELECT c.sequence, c.event, (SELECT coalesce(max(m.version_id), 0) FROM deputy_state.migrations m
	WHERE m.is_applied) AS version, coalesce((SELECT e.id FROM deputy_state.events e WHERE e.sequence = ?), '') AS known
FROM deputy_state.counter c WHERE c.one = 1`

// against compares a standing with what we knew before it was read.
func (w standing) against(knew requests.Position, version int64) error {
	switch {
	case w.Version > version:
		return ErrAhead
	case w.Version < version:
		return ErrBehind
	case w.Sequence < knew.Sequence:
		return fmt.Errorf("%w: it has come to event %d, and the audit log knows of event %d: %s",
			ErrRestored, w.Sequence, knew.Sequence, untilAccepted)
	case knew.Event != "" && w.Sequence == knew.Sequence && w.Event != knew.Event,
		knew.Event != "" && w.Known != "" && w.Known != knew.Event:
		return fmt.Errorf("%w: its event %d is not the one that the audit log knows: %s",
			ErrRestored, knew.Sequence, untilAccepted)
	}
	return nil
}

const untilAccepted = "nothing that was approved counts until an administrator runs deputy requests accept-restore"

// Sound returns nil when the database is the state that we know, and of this Deputy's version.
func (s *State) Sound(ctx context.Context) error {
	knew := s.Reached()
	var w standing
	if err := s.db.GetContext(ctx, &w, s.text(standingQuery), knew.Sequence); err != nil {
		return s.unsound(ctx, err)
	}
	if err := w.against(knew, s.version); err != nil {
		return err
	}
	s.Know(requests.Position{Sequence: w.Sequence, Event: w.Event})
	return nil
}

// unsound says why the standing cannot be read: another version may have other columns.
func (s *State) unsound(ctx context.Context, why error) error {
	if all, err := s.migrations(ctx); err == nil {
		if err := current(all); err != nil {
			return err
		}
	}
	return plain(why)
}
