package index

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// errStale is what an index says that does not fit its log, whatever the bookmark says.
var errStale = errors.New(
	"the log is not what the index was built from: run deputy audit verify, then deputy audit index --rebuild",
)

// Find yields the calls that are meant, in the log's order. With a limit above zero, it yields only the last of them. A
// call whose outcome says everything comes without its intent.
func (x *Index) Find(f Filter, limit int) iter.Seq2[audit.Call, error] {
	return func(yield func(audit.Call, error) bool) {
		if limit <= 0 {
			x.find(f, "ASC", yield)
			return
		}
		var last []audit.Call
		var failed error
		x.find(f, "DESC", func(c audit.Call, err error) bool {
			if failed = err; err == nil {
				last = append(last, c)
			}
			return err == nil && len(last) < limit
		})
		if failed != nil {
			yield(audit.Call{}, failed)
			return
		}
		for _, c := range slices.Backward(last) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

const places = `SELECT line, id, intent_segment, intent_offset, intent_length, outcome_line, outcome_segment, outcome_offset, outcome_length FROM calls`

// pageSize is how many calls are read at once. In between nobody has to wait: who looks at a list may take his time.
const pageSize = 500

// Ended yields the calls that are meant and that ended behind a line of the log.
func (x *Index) Ended(f Filter, line int64) iter.Seq2[audit.Call, error] {
	return func(yield func(audit.Call, error) bool) {
		f.endedAfter = line
		x.find(f, "ASC", yield)
	}
}

func (x *Index) find(f Filter, order string, yield func(audit.Call, error) bool) {
	condition, values, err := f.condition(x)
	compare, last := "> ?", int64(-1)
	if order == "DESC" {
		compare, last = "< ?", math.MaxInt64
	}
	for err == nil {
		var page []audit.Call
		rows := 0
		text := fmt.Sprintf(`%s WHERE line %s AND %s ORDER BY line %s LIMIT %d`, places, compare, condition, order, pageSize)
		err = x.each(text, append([]any{last}, values...), func(row *sqlite3.Stmt) error {
			c, err := x.call(row, false)
			if err != nil {
				return err
			}
			rows, last = rows+1, row.ColumnInt64(0)
			if f.Match(c) { // the log is the truth
				page = append(page, c)
			}
			return nil
		})
		for _, c := range page {
			if !yield(c, nil) {
				return
			}
		}
		if err == nil && rows < pageSize {
			return
		}
	}
	yield(audit.Call{}, fmt.Errorf("searching the audit log: %w", err))
}

// Call finds one call by its id.
func (x *Index) Call(id string) (c audit.Call, found bool, err error) {
	err = x.each(places+` WHERE id = ?`, []any{id}, func(row *sqlite3.Stmt) (err error) {
		c, err = x.call(row, true)
		found = true
		return err
	})
	if err != nil {
		err = fmt.Errorf("searching the audit log: %w", err)
	}
	return c, found, err
}

// call reads a call from the log: both of its records, or what it takes to tell what is known.
func (x *Index) call(row *sqlite3.Stmt, both bool) (audit.Call, error) {
	id := row.ColumnText(1)
	var intent, outcome *audit.Entry
	if row.ColumnType(8) != sqlite3.NULL {
		e, err := x.record(
			id,
			audit.Place{
				Index:  row.ColumnInt64(5),
				First:  row.ColumnInt64(6),
				Offset: row.ColumnInt64(7),
				Length: row.ColumnInt(8),
			},
		)
		if err != nil {
			return audit.Call{}, err
		}
		outcome = &e
	}
	if row.ColumnType(4) != sqlite3.NULL && (both || outcome == nil || outcome.Outcome == audit.Unknown) {
		e, err := x.record(
			id,
			audit.Place{
				Index:  row.ColumnInt64(0),
				First:  row.ColumnInt64(2),
				Offset: row.ColumnInt64(3),
				Length: row.ColumnInt(4),
			},
		)
		if err != nil {
			return audit.Call{}, err
		}
		intent = &e
	}
	if intent == nil && outcome == nil {
		return audit.Call{}, errStale
	}
	return audit.NewCall(intent, outcome), nil
}

func (x *Index) record(id string, p audit.Place) (audit.Entry, error) {
	e, err := x.view.Record(p)
	// another process may have read on meanwhile, and the index be ahead of the view
	if errors.Is(err, audit.ErrOtherLog) {
		if err := x.look(); err != nil {
			return e, err
		}
		e, err = x.view.Record(p)
	}
	if err != nil || e.ID != id {
		return e, errStale
	}
	return e, nil
}
