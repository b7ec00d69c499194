package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"deputy/entitlements"
	"deputy/entitlements/requests"
)

// Make implements requests.Store. A new request has the version that counts its steps: 0, or 1 when a rule decided at
// once. What has come to its end by itself is written down as such on the way, so that it does not stand in the way of
// a new one; the next Sweep returns it.
func (s *State) Make(
	ctx context.Context,
	r requests.Request,
	againAfter time.Time,
) (kept requests.Request, made bool, err error) {
	new, err := rowOf(r)
	if err == nil {
		r, err = new.request() // as it will be read
	}
	if err != nil {
		return kept, false, err
	}
	if !Created.fits(r.Status) {
		return kept, false, fmt.Errorf("a new request cannot be %s", r.Status)
	}
	err = s.write(ctx, func(t *transaction) error {
		before, found, err := t.one(
			`asker = ? AND subject = ? AND status IN ('pending', 'approved')`,
			new.Asker,
			new.Subject,
		)
		if err != nil {
			return err
		}
		if found {
			lapsed, over := before.Lapse(r.Created)
			if !over {
				kept = before
				return nil
			}
			if err := t.replace(before, lapsed); err != nil {
				return err
			}
			if _, err := t.tell(Expired, r.Created, lapsed); err != nil {
				return err
			}
		}
		denied, found, err := t.one(
			`id = (SELECT id FROM deputy_state.requests WHERE asker = ? AND subject = ? AND status = 'denied' AND denied > ?
			ORDER BY denied DESC LIMIT 1)`,
			new.Asker,
			new.Subject,
			nanos(againAfter),
		)
		if err != nil || found {
			kept = denied
			return err
		}
		if err := t.insert(new); err != nil {
			return err
		}
		kept, made = r, true
		_, err = t.tell(Created, r.Created, r)
		return err
	})
	if err != nil {
		return requests.Request{}, false, err
	}
	return kept, made, nil
}

func (t *transaction) insert(w row) error {
	_, err := t.exec(
		`INSERT INTO deputy_state.requests (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.ID,
		w.Asker,
		w.Subject,
		w.Platform,
		w.TableSchema,
		w.TableName,
		w.Status,
		w.Version,
		w.Created,
		w.Ends,
		w.Denied,
		w.Held,
		w.Body,
	)
	return err
}

// replace writes the next version over the one before and over no other.
func (t *transaction) replace(before, after requests.Request) error {
	w, err := rowOf(after)
	if err != nil {
		return err
	}
	n, err := t.exec(
		`UPDATE deputy_state.requests SET status = ?, version = ?, ends = ?, denied = ?, body = ? WHERE id = ? AND version = ?`,
		w.Status,
		w.Version,
		w.Ends,
		w.Denied,
		w.Body,
		w.ID,
		int64(before.Version),
	)
	if err == nil && n != 1 {
		err = fmt.Errorf("request %.40q changed under its lock", before.ID)
	}
	return err
}

// Find implements requests.Store.
func (s *State) Find(ctx context.Context, id string) (requests.Request, error) {
	if !possible(id) {
		return requests.Request{}, requests.ErrNoRequest
	}
	var w row
	err := s.db.GetContext(ctx, &w, s.text(`SELECT `+columns+` FROM deputy_state.requests WHERE id = ?`), id)
	if errors.Is(err, sql.ErrNoRows) {
		return requests.Request{}, cmp.Or(s.Sound(ctx), requests.ErrNoRequest)
	}
	if err != nil {
		return requests.Request{}, s.unsound(ctx, err)
	}
	if err := s.Sound(ctx); err != nil {
		return requests.Request{}, err
	}
	return w.request()
}

// possible reports whether a database takes the text at all. What one says about a text that it does not take would
// tell callers apart.
func possible(id string) bool { return utf8.ValidString(id) && !strings.Contains(id, "\x00") }

// Step implements requests.Store. No other step of any request is taken meanwhile: step must be quick, and must not
// call the state.
func (s *State) Step(
	ctx context.Context,
	id string,
	step func(requests.Request) (requests.Request, error),
) (after requests.Request, err error) {
	if !possible(id) {
		return requests.Request{}, requests.ErrNoRequest
	}
	err = s.write(ctx, func(t *transaction) error {
		before, found, err := t.one(`id = ?`, id)
		if err != nil {
			return err
		}
		if !found {
			return requests.ErrNoRequest
		}
		if after, err = step(before); err != nil {
			return err
		}
		w, err := rowOf(after)
		if err == nil {
			after, err = w.request() // as it will be read
		}
		if err != nil {
			return err
		}
		if err := follows(before, after); err != nil {
			return fmt.Errorf("request %.40q: %w", id, err)
		}
		if err := t.replace(before, after); err != nil {
			return err
		}
		if kind, at := happened(after); after.Status != before.Status {
			_, err = t.tell(kind, at, after)
		}
		return err
	})
	if err != nil {
		return requests.Request{}, err
	}
	return after, nil
}

// List implements requests.Store. What has come to its end by the state's clock is listed as expired, even before a
// sweep wrote it down.
func (s *State) List(ctx context.Context, f requests.Filter) ([]requests.Request, error) {
	query, values := listing(f, s.now())
	return s.all(ctx, query, values...)
}

// Approvals implements requests.Store.
func (s *State) Approvals(
	ctx context.Context,
	asker requests.Asker,
	platform string,
	now time.Time,
) (out []entitlements.Approval, err error) {
	found, err := s.all(ctx, inForce, digest(asker.Key()), platform, nanos(now))
	for _, r := range found {
		if a, ok := r.Approval(now); ok {
			out = append(out, a)
		}
	}
	return out, err
}

const inForce = `SELECT ` + columns + ` FROM deputy_state.requests WHERE asker = ? AND platform = ? AND status = 'approved' AND ends > ? ORDER BY ends`

// all reads rows. One that is not believed makes it fail: an administrator has to look at it. That the state is the one
// that we know is looked at behind it: a restore that comes in between is one after the rows were read.
func (s *State) all(ctx context.Context, query string, values ...any) ([]requests.Request, error) {
	var rows []row
	if err := s.db.SelectContext(ctx, &rows, s.text(query), values...); err != nil {
		return nil, s.unsound(ctx, err)
	}
	if err := s.Sound(ctx); err != nil {
		return nil, err
	}
	out := make([]requests.Request, len(rows))
	for i, w := range rows {
		r, err := w.request()
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}
