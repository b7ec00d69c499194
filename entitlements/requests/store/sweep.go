package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"deputy/entitlements/requests"
)

// ended finds what is open still though its end has come. Only what is open has an end.
const ended = `SELECT id FROM deputy_state.requests WHERE ends > 0 AND ends <= ? ORDER BY ends`

// Sweep writes down what has come to its end by itself, and announces once what ends within the time given, but not
// before half of the approved time is over. Each is an event, and is given to record before it is written down that it
// was: a server that dies in between has it recorded once more under the same id, and never not at all. What record
// cannot take is tried again by the next sweep. A request that cannot be read does not keep the others from it.
func (s *State) Sweep(ctx context.Context, now time.Time, expiring time.Duration, record func(Event) error) error {
	if err := s.Sound(ctx); err != nil {
		return err
	}
	var wrong []error
	over, err := s.ids(ctx, ended, nanos(now))
	wrong = append(wrong, err)
	for _, id := range over {
		wrong = append(wrong, s.lapse(ctx, id, now))
	}
	soon, err := s.ids(
		ctx,
		`SELECT id FROM deputy_state.requests WHERE ends > 0 AND ends > ? AND ends <= ? AND announced = 0 AND status = 'approved' ORDER BY ends`,
		nanos(now),
		nanos(now.Add(expiring)),
	)
	wrong = append(wrong, err)
	for _, id := range soon {
		wrong = append(wrong, s.announce(ctx, id, now, expiring, record))
	}
	untold, err := s.ids(ctx, `SELECT id FROM deputy_state.requests WHERE status = 'expired' AND told = 0 ORDER BY id`)
	wrong = append(wrong, err)
	for _, id := range untold {
		wrong = append(wrong, s.claim(ctx, id, record))
	}
	return errors.Join(wrong...)
}

func (s *State) ids(ctx context.Context, query string, values ...any) (ids []string, err error) {
	return ids, plain(s.db.SelectContext(ctx, &ids, s.text(query), values...))
}

// lapse ends one request, if it is over still.
func (s *State) lapse(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, func(t *transaction) error {
		before, found, err := t.one(`id = ?`, id)
		if err != nil || !found {
			return err
		}
		after, over := before.Lapse(now)
		if !over {
			return nil
		}
		if err := t.replace(before, after); err != nil {
			return err
		}
		_, err = t.tell(Expired, now, after)
		return err
	})
}

// announce tells that one request expires soon, if nobody has yet.
func (s *State) announce(
	ctx context.Context,
	id string,
	now time.Time,
	expiring time.Duration,
	record func(Event) error,
) error {
	return s.write(ctx, func(t *transaction) error {
		r, found, err := t.one(`id = ? AND announced = 0`, id)
		if err != nil || !found || !soon(r, now, expiring) {
			return err
		}
		if _, err := t.exec(`UPDATE deputy_state.requests SET announced = 1 WHERE id = ?`, id); err != nil {
			return err
		}
		e, err := t.tell(Expiring, now, r)
		if err != nil {
			return err
		}
		return record(e)
	})
}

func soon(r requests.Request, now time.Time, expiring time.Duration) bool {
	half := r.Began.Add(r.Expires.Sub(r.Began) / 2)
	return r.At(now).Status == requests.StatusApproved && !now.Before(r.Expires.Add(-expiring)) && !now.Before(half)
}

// claim has it recorded that one request expired, by the first who asks. It may have been written down by a sweep that
// ended early, or by Make.
func (s *State) claim(ctx context.Context, id string, record func(Event) error) error {
	return s.write(ctx, func(t *transaction) error {
		var w eventRow
		if n, err := t.exec(
			`UPDATE deputy_state.requests SET told = 1 WHERE id = ? AND status = 'expired' AND told = 0`,
			id,
		); err != nil ||
			n == 0 {
			return err
		}
		err := t.get(&w, `SELECT `+eventColumns+` FROM deputy_state.events WHERE request = ? AND kind = 'expired'`, id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // pruned: nobody has swept for a month
		}
		if err != nil {
			return err
		}
		e, err := w.event()
		if err != nil {
			return err
		}
		return record(e)
	})
}
