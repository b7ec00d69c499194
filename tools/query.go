package tools

import (
	"context"
	"errors"
	"time"

	"deputy/identity"
	"deputy/vending"
)

// grace is how long a call may take beyond its statement's time in the database, before the connection is given up.
const grace = 5 * time.Second

// diagnosis is how long the database may look at a statement that is refused: as long as an analysis takes at most.
const diagnosis = 5 * time.Second

// Query runs one reading statement with what the principal may see of the tables in it. An error is always a *Refusal.
func (t *Tools) Query(ctx context.Context, call Call, args QueryArgs) (*QueryResult, error) {
	call, unknown := t.declare(call, args.Purpose)
	r := t.begin(call, "query")
	r.Platform = t.named(args.Platform)
	if args.Name == "" {
		r.state(t, args.SQL)
	}
	t.config.Begun(r.Record)
	result, err := recoverPanic(ctx, func() (*QueryResult, error) {
		if err := t.ceiling(call.Principal, r); err != nil {
			return nil, err
		}
		if unknown != nil {
			return nil, r.undeclared(args.Purpose, unknown)
		}
		return t.query(ctx, call, args, r)
	})
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	return result, nil
}

func (t *Tools) query(ctx context.Context, call Call, args QueryArgs, r *record) (*QueryResult, error) {
	if err := t.whole(ctx, call, args); err != nil {
		return nil, err
	}
	p, err := t.chosen(ctx, call, t.placed(ctx, call, args))
	if err != nil {
		return nil, err
	}
	r.Platform = p.Name
	ctx, cancel := context.WithTimeout(ctx, t.config.Limits.Timeout+grace)
	defer cancel()
	q := &question{
		Tools:    t,
		platform: p,
		call:     call,
		sql:      args.SQL,
		maxRows:  t.rows(call.Principal, args.MaxRows),
		record:   r,
	}
	if args.Name != "" {
		q.name(args)
	}
	if q.turn, err = t.enter(ctx, p, call.Principal, q.sql); err != nil {
		return nil, err
	}
	defer q.turn.Leave()
	for try := 1; ; try++ {
		result, err := q.answer(ctx)
		if err == nil {
			return result, t.fit(call.Principal, result, r)
		}
		if errors.Is(err, errClosed) && !q.renewed && q.platform.LookAgain(ctx) {
			q.renewed = true
			q.anew()
			continue
		}
		if !errors.Is(err, vending.ErrChanged) || try == tries || ctx.Err() != nil {
			return nil, err
		}
		q.anew()
	}
}

// tries is how often a statement is decided and vended while the tables that it reads go on changing.
const tries = 3

// anew forgets what was decided over a catalog that is not true any more. The intent of that has to be on the record
// before there is another.
func (q *question) anew() {
	q.record.undecide()
	q.closed = nil
	if q.record.intended != nil {
		q.record.intended <- <-q.record.intended
	}
}

// rows is how many rows an answer may have: what the caller wants, and never more than the limits of the server and of
// the agent.
func (t *Tools) rows(who identity.Principal, wanted int) int {
	return least(t.config.Limits.MaxRows, who.Agent.Limits.Rows, wanted)
}

// fit cuts an answer to what the server and the agent allow one to take of a context window.
func (t *Tools) fit(who identity.Principal, result *QueryResult, r *record) error {
	err := result.Fit(least(t.config.Limits.Answer, who.Agent.Limits.Answer))
	r.Rows, r.Truncated = len(result.Rows), result.Truncated
	return err
}

// least is the lowest of the limits. The first holds always, others where they are positive.
func least(most int, others ...int) int {
	for _, n := range others {
		if n > 0 {
			most = min(most, n)
		}
	}
	return most
}
