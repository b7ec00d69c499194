package store

import (
	"context"
	"fmt"
	"time"

	"deputy/entitlements/requests"
)

// Restored is what became of a state that was accepted after a restore.
type Restored struct {
	From  requests.Position // where the state was
	Known requests.Position // where the audit log has seen it
	To    requests.Position
	Ended []requests.Request // that the audit log knows as ended
	Held  []requests.Request // that a steward has to confirm before they count
}

// AcceptRestore takes up a state that was restored: it ends what the audit log knows as ended, by the requests' ids,
// holds everything else that is approved until a steward confirms it, and goes on behind what the audit log knows. All
// of it happens, or nothing; record is asked before.
func (s *State) AcceptRestore(
	ctx context.Context,
	now time.Time,
	known map[string]requests.Ending,
	record func(Restored) error,
) (out Restored, err error) {
	err = s.writing(ctx, func(t *transaction) error {
		out = Restored{From: requests.Position{Sequence: t.sequence, Event: t.event}, Known: s.Reached()}
		if err := t.skip(out.Known.Sequence); err != nil {
			return err
		}
		var rows []row
		t.before()
		err := t.tx.SelectContext(ctx, &rows, t.text(
			`SELECT `+columns+` FROM deputy_state.requests 
				WHERE status IN ('pending', 'approved') ORDER BY asker, created, id`,
		))
		if err != nil {
			return plain(err)
		}
		for _, w := range rows {
			r, err := w.request()
			if err != nil {
				return err
			}
			if err := t.accept(r, now, known, &out); err != nil {
				return err
			}
		}
		if err := t.skip(t.sequence + 1); err != nil {
			return err
		}
		out.To = requests.Position{Sequence: t.sequence, Event: t.event}
		return record(out)
	})
	if err != nil {
		return Restored{}, err
	}
	return out, nil
}

// accept ends or holds one request.
func (t *transaction) accept(r requests.Request, now time.Time, known map[string]requests.Ending, out *Restored) error {
	ending, ended := known[r.ID]
	if !ended {
		if r.At(now).Status != requests.StatusApproved {
			return nil
		}
		r.Held = true
		out.Held = append(out.Held, r)
		return t.hold(r.ID, true)
	}
	after, ok := r.Again(ending)
	if !ok {
		return fmt.Errorf("request %.40q cannot be ended again", r.ID)
	}
	if err := follows(r, after); err != nil {
		return fmt.Errorf("request %.40q: %w", r.ID, err)
	}
	if err := t.replace(r, after); err != nil {
		return err
	}
	out.Ended = append(out.Ended, after)
	kind, at := happened(after)
	_, err := t.tell(kind, at, after)
	return err
}

// skip lets the counter go on from a sequence that it has not reached, under an id that no event has.
func (t *transaction) skip(to int64) error {
	if to <= t.sequence {
		return nil
	}
	id := t.newID()
	n, err := t.exec(`UPDATE deputy_state.counter SET sequence = ?, event = ? WHERE one = 1 AND sequence = ?`, to, id,
		t.sequence)
	if err != nil || n != 1 {
		return noCounter(err)
	}
	t.sequence, t.event = to, id
	return nil
}

func (t *transaction) hold(id string, held bool) error {
	_, err := t.exec(`UPDATE deputy_state.requests SET held = ? WHERE id = ?`, bit(held), id)
	return err
}

// Confirm implements requests.Store.
func (s *State) Confirm(
	ctx context.Context,
	id string,
	may func(requests.Request) error,
) (r requests.Request, err error) {
	if !possible(id) {
		return requests.Request{}, requests.ErrNoRequest
	}
	err = s.write(ctx, func(t *transaction) error {
		found := false
		if r, found, err = t.one(`id = ?`, id); err != nil {
			return err
		}
		if !found {
			return requests.ErrNoRequest
		}
		if err := may(r); err != nil {
			return err
		}
		r.Held = false
		return t.hold(id, false)
	})
	if err != nil {
		return requests.Request{}, err
	}
	return r, nil
}
