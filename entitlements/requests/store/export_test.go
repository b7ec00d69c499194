package store

import (
	"context"
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"deputy/entitlements/requests"
)

// Before has something called before each statement of the transactions that write, and around their commits.
func (s *State) Before(f func()) { s.before = f }

// Raw runs a statement as somebody who has the database in their hands.
func (s *State) Raw(ctx context.Context, query string, values ...any) error {
	_, err := s.db.ExecContext(ctx, s.text(query), values...)
	return err
}

// Ask reads with a statement, as such a one.
func (s *State) Ask(ctx context.Context, into any, query string, values ...any) error {
	return s.db.SelectContext(ctx, into, s.text(query), values...)
}

// One reads one value.
func (s *State) One(ctx context.Context, into any, query string, values ...any) error {
	return s.db.GetContext(ctx, into, s.text(query), values...)
}

// IsPostgres says which dialect Raw is for.
func (s *State) IsPostgres() bool { return s.postgres }

// Listing is the query of a list.
func Listing(f requests.Filter, now time.Time) (string, []any) { return listing(f, now) }

var (
	InForce    = inForce
	Ended      = ended
	Decode     = decode
	Encode     = encode
	Follows    = follows
	Plain      = plain
	Happened   = happened
	Consistent = consistent
)

// Canonical writes what a hand changed in the body as Deputy would write it, with what it does not know at the end: so
// that it is what is said that is judged, and not how.
func Canonical(changed map[string]any) (string, error) {
	text, err := json.Marshal(changed)
	if err != nil {
		return "", err
	}
	type fields requests.Request // without its strict methods
	var b struct {
		V int `json:"v"`
		fields
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return "", err
	}
	text, err = json.Marshal(b)
	if _, extra := changed["admin"]; extra {
		text = append(text[:len(text)-1], `,"admin":true}`...)
	}
	return string(text), err
}

// Later is a Deputy with one more migration.
func Later(t *testing.T, text string) (restore func()) {
	t.Helper()
	files := fstest.MapFS{"migrations/00090_later.sql": {Data: []byte(text)}}
	all, err := known()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		name := "migrations/" + m.Name + ".sql"
		data, err := embedded.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	migrationFiles = files
	return func() { migrationFiles = embedded }
}
