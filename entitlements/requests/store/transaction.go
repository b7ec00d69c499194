package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"deputy/entitlements/requests"
)

// transaction is the only one that writes, over all servers, until it ends.
type transaction struct {
	*State
	ctx      context.Context
	tx       *sqlx.Tx
	sequence int64  // of the last event
	event    string // its id
	sound    error  // why the state is not the one that we know; nil: it is
}

// write does something in one transaction, or nothing. When it returns another error than do's, the commit may have
// come through or not, as when a connection is lost in that moment: whoever needs to know looks.
func (s *State) write(ctx context.Context, do func(*transaction) error) error {
	return s.writing(ctx, func(t *transaction) error {
		if t.sound != nil {
			return t.sound
		}
		return do(t)
	})
}

// writing is write for a state that is not the one we know, too.
func (s *State) writing(ctx context.Context, do func(*transaction) error) error {
	// After it has waited for the counter, each statement has to see what was committed before. On SQLite a transaction
	// sees that anyway.
	options := &sql.TxOptions{}
	if s.postgres {
		options.Isolation = sql.LevelReadCommitted
	}
	s.before()
	tx, err := s.db.BeginTxx(ctx, options)
	if err != nil {
		return plain(err)
	}
	defer tx.Rollback()
	t := &transaction{State: s, ctx: ctx, tx: tx}
	if s.postgres {
		if _, err := t.exec(limits); err != nil {
			return err
		}
	}
	if err := t.begin(); err != nil {
		return err
	}
	if err := do(t); err != nil {
		return err
	}
	s.before()
	err = plain(tx.Commit())
	s.before()
	if err == nil {
		s.Know(requests.Position{Sequence: t.sequence, Event: t.event})
	}
	return err
}

// begin locks the counter, and then looks how far the state has come.
func (t *transaction) begin() error {
	var one int
	if err := t.get(&one, `SELECT one FROM deputy_state.counter WHERE one = 1`+t.locked()); err != nil {
		return err
	}
	knew := t.Reached()
	var w standing
	if err := t.get(&w, standingQuery, knew.Sequence); err != nil {
		return t.unsound(t.ctx, err)
	}
	t.sequence, t.event, t.sound = w.Sequence, w.Event, w.against(knew, t.version)
	if errors.Is(t.sound, ErrAhead) || errors.Is(t.sound, ErrBehind) {
		return t.sound
	}
	return nil
}

func noCounter(err error) error { return errors.Join(err, errors.New("the counter of events is gone")) }

// locked is the end of a SELECT of what is going to be changed. On SQLite the transaction has locked everything.
func (d *database) locked() string {
	if d.postgres {
		return " FOR UPDATE"
	}
	return ""
}

func (t *transaction) exec(query string, values ...any) (changed int64, err error) {
	t.before()
	result, err := t.tx.ExecContext(t.ctx, t.text(query), values...)
	if err != nil {
		return 0, plain(err)
	}
	changed, err = result.RowsAffected()
	return changed, plain(err)
}

// get returns sql.ErrNoRows as it is.
func (t *transaction) get(into any, query string, values ...any) error {
	t.before()
	err := t.tx.GetContext(t.ctx, into, t.text(query), values...)
	if errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return plain(err)
}

// one reads the only row that a condition finds.
func (t *transaction) one(condition string, values ...any) (r requests.Request, found bool, err error) {
	var w row
	err = t.get(&w, `SELECT `+columns+` FROM deputy_state.requests WHERE `+condition+t.locked(), values...)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err == nil {
		r, err = w.request()
	}
	return r, err == nil, err
}

// tell writes an event down.
func (t *transaction) tell(kind Kind, at time.Time, r requests.Request) (Event, error) {
	text, err := encode(r)
	if err != nil {
		return Event{}, err
	}
	e := Event{t.sequence + 1, t.newID(), kind, at.UTC().Round(0), r}
	_, err = t.exec(`INSERT INTO deputy_state.events (`+eventColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		e.Sequence, e.ID, string(kind), nanos(at), r.ID, int64(r.Version), text)
	if err != nil {
		return Event{}, err
	}
	n, err := t.exec(`UPDATE deputy_state.counter SET sequence = ?, event = ? WHERE one = 1 AND sequence = ?`,
		e.Sequence, e.ID, t.sequence)
	if err != nil || n != 1 {
		return Event{}, noCounter(err)
	}
	t.sequence, t.event = e.Sequence, e.ID
	return e, nil
}
