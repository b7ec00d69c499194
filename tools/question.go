package tools

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/tools/answer"
	"deputy/tools/queries"
	"deputy/tools/turns"
	"deputy/vending"
)

// question is one statement on its way.
type question struct {
	*Tools
	platform *platform
	policies requests.Both
	supposed bool // the policies are those of a caller who is only supposed, and stay
	call     Call
	sql      string
	query    *queries.Call // nil: the statement is the caller's own
	maxRows  int
	record   *record
	turn     *turns.Turn
	renewed  bool  // the platform was looked at again for the call, because of a closed table
	closed   error // of a closed table that is named in a refused statement: in the caller's own world it is not there
}

func (q *question) answer(ctx context.Context) (*QueryResult, error) {
	statement, access, err := q.understand(ctx)
	if err == nil {
		err = q.bind(ctx, statement, access)
	}
	if err != nil {
		return nil, err
	}
	recorded := q.intend(ctx, q.record)
	result, err := step(ctx, q.Tools, "vend and run", func(ctx context.Context) (vending.Result, error) {
		return q.run(ctx, statement, access, recorded)
	}, database(q.platform)...)
	if err != nil {
		return nil, q.failed(err)
	}
	q.record.Rows, q.record.Truncated = len(result.Rows), result.Truncated
	out := &QueryResult{
		Columns: answer.Columns(statement, result.Columns, access), Rows: result.Rows, RowCount: len(result.Rows),
		Truncated: result.Truncated, Role: result.Role.Name, AuditID: q.record.ID,
		Notices: q.notices(access, result.Unfit),
	}
	if out.Truncated {
		out.Cut = &answer.Cut{By: answer.ByBytes, RowsRead: len(result.Rows)}
		if len(result.Rows) == q.maxRows {
			out.Cut.By = answer.ByRows
		}
	}
	return out, nil
}

// understand finds out what the statement reads, and what of that the caller gets.
func (q *question) understand(ctx context.Context) (*vending.Statement, []entitlements.Access, error) {
	if err := q.look(ctx); err != nil {
		return nil, nil, err
	}
	statement, err := step(ctx, q.Tools, "analyse", func(ctx context.Context) (*vending.Statement, error) {
		return q.analyze(ctx)
	}, database(q.platform)...)
	if err != nil {
		return q.reconsider(ctx, nil, err)
	}
	if statement.Catalog != "" && statement.Catalog != q.policies.CatalogVersion() { // the analysis met a change
		if err := q.look(ctx); err != nil {
			return nil, nil, err
		}
	}
	access, err := step(ctx, q.Tools, "decide", func(context.Context) ([]entitlements.Access, error) {
		return q.decide(statement)
	})
	if errors.Is(err, errClosed) || errors.Is(err, requests.ErrOut) {
		return nil, nil, err // the caller may know of every table that is named
	}
	if err != nil {
		return q.reconsider(ctx, statement, err)
	}
	return statement, access, nil
}

// analyze has the engine read the statement. A lock that it meets may be on a table that the caller may not know of.
// An engine that can read the statement in the caller's own world waits for locks there alone: see reconsider. Here
// such a table is refused as one that is not there.
func (q *question) analyze(ctx context.Context) (*vending.Statement, error) {
	if _, own := q.platform.Engine.(vending.Own); !own {
		return turns.Try(ctx, q.turn, func(ctx context.Context) (*vending.Statement, error) {
			return q.platform.Engine.Analyze(ctx, q.sql, q.query.Places()...)
		})
	}
	statement, err := q.platform.Engine.Analyze(ctx, q.sql, q.query.Places()...)
	if met, ok := errors.AsType[*vending.Error](err); ok && met.Code == vending.Locked {
		q.record.note("the statement met a lock, and was read in the caller's own world")
		return nil, &Error{Code: NotPermitted, Message: notThere, Cause: met.Cause}
	}
	return statement, err
}

// look takes the policies that hold now.
func (q *question) look(ctx context.Context) (err error) {
	if !q.supposed {
		q.policies, err = q.Tools.policies(ctx, q.platform, q.call.Principal)
	}
	return err
}

// run vends the role for what was decided, and runs the statement as it once the intent is recorded.
func (q *question) run(
	ctx context.Context,
	statement *vending.Statement,
	access []entitlements.Access,
	recorded func(context.Context) error,
) (vending.Result, error) {
	platform := metric.WithAttributes(attribute.String("platform", q.platform.Name))
	q.instruments.Vends.Add(ctx, 1, platform)
	defer q.instruments.Vends.Add(ctx, -1, platform)
	result, err := turns.Try(ctx, q.turn, func(ctx context.Context) (vending.Result, error) {
		if err := q.stands(ctx, access); err != nil {
			return vending.Result{}, err
		}
		lease := q.lease(access)
		lease.Recorded, lease.Without = recorded, statement.Without
		return q.platform.Engine.Run(ctx, lease)
	})
	if err == nil {
		q.turn.Ran()
	}
	q.record.vended(result.Role)
	for _, u := range result.Unfit {
		q.record.note("%s", u)
		q.config.Log.Warn().Str("id", q.record.ID).Str("platform", q.platform.Name).Msg(u.String())
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.Int("db.response.returned_rows", len(result.Rows)))
	return result, err
}

// stands is vending.ErrChanged once what was approved ended while the call waited for a lock: it is decided again.
func (q *question) stands(ctx context.Context, access []entitlements.Access) error {
	if !q.turn.Waited() {
		return nil
	}
	if err := q.look(ctx); err != nil {
		return err
	}
	if !q.policies.Still(q.call.Principal, access) {
		return vending.ErrChanged
	}
	return nil
}

func (q *question) lease(access []entitlements.Access) vending.Lease {
	l := q.config.Limits
	for _, a := range access { // what was approved for a while ends while the statement runs, too
		if !a.Until.IsZero() {
			l.Timeout = min(l.Timeout, max(a.Until.Sub(q.config.Now()), time.Millisecond))
		}
	}
	return vending.Lease{
		ID:  q.record.ID,
		SQL: q.sql,

		Arguments: q.query.Bound(),

		Access:   access,
		Catalog:  q.policies.CatalogVersion(),
		MaxRows:  q.maxRows,
		MaxBytes: l.MaxBytes,
		Timeout:  l.Timeout,
	}
}
