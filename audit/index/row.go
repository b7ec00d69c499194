package index

import (
	"encoding/json"
	"math"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// row is one call, as far as it is known.
type row struct {
	fields
	line            int64
	intent, outcome *audit.Place
}

// pairs puts the two records of a call together, which are seldom far from each other: so most calls are put in once.
type pairs struct{ open map[string]row }

// add takes a record, and returns the call when it is whole.
func (p *pairs) add(r row) (row, bool) {
	if r.intent != nil {
		p.open[r.ID] = r
		return row{}, false
	}
	intent, found := p.open[r.ID]
	if !found {
		return r, true
	}
	delete(p.open, r.ID)
	if r.line, r.intent = intent.line, intent.intent; len(r.Tables) == 0 {
		r.Tables = intent.Tables
	}
	if r.Request.ID == "" {
		r.Request = intent.Request
	}
	return r, true
}

// insertCall adds a call, or what has become known of one.
const insertCall = `INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
ON CONFLICT (id) DO UPDATE SET time = excluded.time, agent = excluded.agent, user = excluded.user, tool = excluded.tool,
	purpose = excluded.purpose, policy = excluded.policy, ending = excluded.ending, rows = excluded.rows,
	tables = CASE excluded.tables WHEN 0 THEN tables ELSE excluded.tables END,
	request = CASE excluded.request WHEN 0 THEN request ELSE excluded.request END,
	outcome_line = excluded.outcome_line, outcome_segment = excluded.outcome_segment,
	outcome_offset = excluded.outcome_offset, outcome_length = excluded.outcome_length
WHERE excluded.outcome_line IS NOT NULL`

func (x *Index) put(r row) error {
	ending := r.Outcome
	if r.outcome == nil {
		ending = audit.Begun
	}
	s := x.insert.call
	bind := []error{s.BindInt64(1, r.line), s.BindText(2, r.ID), s.BindInt64(3, nanos(r.Time))}
	for i, k := range []key{
		{agents, some(r.Agent)}, {users, some(r.User)}, {tools, r.Tool}, {purposes, r.Purpose},
		{policies, r.PolicyVersion}, {tables, some(r.Tables)}, {endings, string(ending)},
	} {
		id, err := x.text(k)
		if err != nil {
			return err
		}
		bind = append(bind, s.BindInt64(4+i, id))
	}
	request, err := x.text(key{requests, r.Request.ID})
	if err != nil {
		return err
	}
	bind = append(bind, s.BindInt64(11, r.Rows), s.BindInt64(19, request))
	if p := r.intent; p != nil {
		bind = append(bind, s.BindInt64(12, p.First), s.BindInt64(13, p.Offset), s.BindInt(14, p.Length))
	}
	if p := r.outcome; p != nil {
		bind = append(
			bind,
			s.BindInt64(15, p.Index),
			s.BindInt64(16, p.First),
			s.BindInt64(17, p.Offset),
			s.BindInt(18, p.Length),
		)
	}
	for _, err := range bind {
		if err != nil {
			return err
		}
	}
	return run(s, nil)
}

// nanos is the time as a number. Those that have none are the first, or the last.
func nanos(t time.Time) int64 {
	switch year := t.UTC().Year(); {
	case year < 1678:
		return math.MinInt64
	case year > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

func some(text json.RawMessage) string {
	if string(text) == "null" {
		return ""
	}
	return string(text)
}

// text is the number of a text.
func (x *Index) text(k key) (id int64, err error) {
	if k.text == "" {
		return 0, nil
	}
	if id, known := x.texts[k]; known {
		return id, nil
	}
	for _, s := range []*sqlite3.Stmt{x.insert.text, x.insert.find} {
		if err := s.BindInt64(1, int64(k.kind)); err != nil {
			return 0, err
		}
		if err := s.BindText(2, k.text); err != nil {
			return 0, err
		}
		if err := run(s, func(row *sqlite3.Stmt) error { id = row.ColumnInt64(0); return nil }); err != nil {
			return 0, err
		}
	}
	if len(x.texts) >= mostTexts {
		clear(x.texts)
	}
	x.texts[k] = id
	return id, nil
}

// run runs a prepared statement to its end, and makes it ready for the next time.
func run(s *sqlite3.Stmt, f func(*sqlite3.Stmt) error) error {
	var failed error
	for failed == nil && s.Step() {
		if f != nil {
			failed = f(s)
		}
	}
	if failed == nil {
		failed = s.Err()
	}
	s.Reset()
	if err := s.ClearBindings(); failed == nil {
		failed = err
	}
	return failed
}

// each runs a statement and hands over its rows.
func (x *Index) each(text string, values []any, f func(*sqlite3.Stmt) error) error {
	s, _, err := x.db.Prepare(text)
	if err != nil {
		return err
	}
	defer s.Close()
	for i, value := range values {
		switch v := value.(type) {
		case int64:
			err = s.BindInt64(i+1, v)
		case int:
			err = s.BindInt(i+1, v)
		case string:
			err = s.BindText(i+1, v)
		case []byte:
			err = s.BindBlob(i+1, v)
		}
		if err != nil {
			return err
		}
	}
	return run(s, f)
}
