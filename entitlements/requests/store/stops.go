package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/identity/stops"
	"deputy/identity/stops/fleet"
)

var _ fleet.Source = (*State)(nil)

// errAlone is about stops in a state that one server has for itself: its list of stops is the file.
var errAlone = errors.New("the state is a file: it holds no stops")

// stopRow is an entry of the shared list of stops.
type stopRow struct {
	ID     string `db:"id"`
	Body   string `db:"body"`
	Lifted int64  `db:"lifted"`
}

func (w stopRow) entry() (fleet.Entry, error) {
	s, err := stops.Decode([]byte(w.Body))
	if err != nil || w.ID == "" {
		return fleet.Entry{}, fmt.Errorf("%w: entry %.40q", fleet.ErrUnreadable, w.ID)
	}
	return fleet.Entry{ID: w.ID, Stop: s}, nil
}

// Stops implements fleet.Source. It reads a state that was restored from a copy as well, and one that a newer Deputy
// has made, as long as there is such a list: a stop only ever takes away.
func (s *State) Stops(ctx context.Context, known []string) (fleet.View, error) {
	if !s.postgres {
		return fleet.View{}, errAlone
	}
	var rows []stopRow
	err := s.db.SelectContext(ctx, &rows, s.text(
		`SELECT id, body, lifted FROM deputy_state.stops WHERE lifted = 0 OR id = ANY (?) ORDER BY id`),
		pq.Array(append([]string{}, known...)))
	if err != nil {
		return fleet.View{}, plain(err)
	}
	return view(rows)
}

func view(rows []stopRow) (v fleet.View, err error) {
	for _, w := range rows {
		if w.Lifted != 0 {
			v.Lifted = append(v.Lifted, w.ID)
			continue
		}
		e, err := w.entry()
		if err != nil {
			return fleet.View{}, err
		}
		v.Active = append(v.Active, e)
	}
	return v, nil
}

// PutStops implements fleet.Source. What was lifted meanwhile stays lifted.
func (s *State) PutStops(ctx context.Context, entries []fleet.Entry) error {
	return s.changeStops(ctx, func(tx *sqlx.Tx) error {
		for _, e := range entries {
			if err := s.putStop(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *State) putStop(ctx context.Context, tx *sqlx.Tx, e fleet.Entry) error {
	body, err := e.Encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, s.text(
		`INSERT INTO deputy_state.stops (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`), e.ID, body)
	return plain(err)
}

// Stop puts a party on the shared list of stops, and returns the hash of the list. added is false when it was on it
// already.
func (s *State) Stop(ctx context.Context, party stops.Stop) (added bool, hash string, err error) {
	err = s.changeStops(ctx, func(tx *sqlx.Tx) error {
		v, err := s.listed(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range v.Active {
			if e.Agent == party.Agent && e.User == party.User && e.Issuer == party.Issuer {
				hash = hashOf(v.Active)
				return nil
			}
		}
		e := fleet.Entry{ID: s.newID(), Stop: party}
		added, hash = true, hashOf(append(v.Active, e))
		return s.putStop(ctx, tx, e)
	})
	return added && err == nil, hash, err
}

// Lift takes a party off the shared list of stops. lifted is false when it was not on it.
func (s *State) Lift(ctx context.Context, party stops.Stop, by string) (lifted bool, hash string, err error) {
	err = s.changeStops(ctx, func(tx *sqlx.Tx) error {
		v, err := s.listed(ctx, tx)
		if err != nil {
			return err
		}
		var left []fleet.Entry
		var off []string
		for _, e := range v.Active {
			if party.Names(e.Stop) {
				off = append(off, e.ID)
			} else {
				left = append(left, e)
			}
		}
		lifted, hash = len(off) > 0, hashOf(left)
		_, err = tx.ExecContext(ctx, s.text(
			`UPDATE deputy_state.stops SET lifted = ?, lifted_by = ? WHERE id = ANY (?)`),
			nanos(s.now()), by, pq.Array(append([]string{}, off...)))
		return plain(err)
	})
	return lifted && err == nil, hash, err
}

func hashOf(entries []fleet.Entry) string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return stops.HashOf(ids)
}

func (s *State) listed(ctx context.Context, tx *sqlx.Tx) (fleet.View, error) {
	var rows []stopRow
	err := tx.SelectContext(ctx, &rows, s.text(
		`SELECT id, body, lifted FROM deputy_state.stops WHERE lifted = 0 ORDER BY id`))
	if err != nil {
		return fleet.View{}, plain(err)
	}
	return view(rows)
}

// changeStops does something to the list while no other process changes it. Servers go on reading it.
func (s *State) changeStops(ctx context.Context, do func(*sqlx.Tx) error) error {
	if !s.postgres {
		return errAlone
	}
	ctx, cancel := context.WithTimeout(ctx, stopsLimit)
	defer cancel()
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return plain(err)
	}
	defer tx.Rollback()
	_, err = tx.ExecContext(ctx, limits+`; LOCK TABLE deputy_state.stops IN SHARE ROW EXCLUSIVE MODE`)
	if err != nil {
		return plain(err)
	}
	if err := do(tx); err != nil {
		return err
	}
	return plain(tx.Commit())
}

// stopsLimit is how long a change of the list waits for the state.
const stopsLimit = 5 * time.Second
