package tools

import (
	"context"
	"errors"

	"deputy/entitlements"
	"deputy/tools/turns"
	"deputy/vending"
)

// reconsider finds the words for a statement that is not run. The analysis knew every table there is, so its words
// cannot be passed on: the caller's own world is asked instead, in which a table that may not be known of does not
// exist. Where nothing is wrong with the statement there, and the engine can say what it reads there, it is run: what
// is hidden has taken a name that means something else to the caller. Otherwise the reason is one that holds for
// everybody, and is told as it is. That an analysis took too long, or could not be read, is such a reason as well: it
// may have come only so far because the table is there.
//
// What a query says is what it means: it is run as it stands, or hidden.
func (q *question) reconsider(
	ctx context.Context,
	read *vending.Statement,
	reason error,
) (*vending.Statement, []entitlements.Access, error) {
	why := asError(reason)
	if ctx.Err() != nil || why.Code == TooBusy || why.Code == Cancelled {
		return nil, nil, why
	}
	if q.query != nil {
		return nil, nil, q.hidden(ctx, read, why)
	}
	lease, hint := q.diagnosis()
	statement, err := step(ctx, q.Tools, "diagnose", func(ctx context.Context) (*vending.Statement, error) {
		return turns.Try(ctx, q.turn, func(ctx context.Context) (*vending.Statement, error) {
			if own, ok := q.platform.Engine.(vending.Own); ok {
				return own.AnalyzeFor(ctx, lease)
			}
			return nil, q.platform.Engine.Diagnose(ctx, lease)
		})
	}, database(q.platform)...)
	if errors.Is(err, vending.ErrChanged) {
		return nil, nil, err
	}
	if engines, ok := errors.AsType[*vending.Error](err); ok {
		known := asError(engines)
		known.Cause = errors.Join(known.Cause, why)
		why = known
	}
	if err == nil && statement != nil {
		q.record.undecide() // what is there is about what the statement does not mean
		if access, err := q.decide(statement); err == nil {
			return statement, access, nil
		}
	}
	if why.Code == NotPermitted && q.closed != nil {
		return nil, nil, q.closed
	}
	if why.Code == NotPermitted || why.Code == InvalidSQL {
		if write := q.platform.directory(q.policies, q.call).Misspelled(q.sql); write != "" {
			hint = write
		} else if why.Code == InvalidSQL {
			hint = why.Hint
		}
		why = &Error{Code: why.Code, Message: why.Message, Hint: hint, Cause: why.Cause}
	}
	return nil, nil, why
}

// diagnosis is the lease in which a refused statement is looked at, and a hint about what can be asked for.
func (q *question) diagnosis() (lease vending.Lease, hint string) {
	named, open, hint := q.named()
	lease = q.lease(named)
	lease.Open = open
	lease.Timeout = min(lease.Timeout, diagnosis)
	lease.ID = q.newID() // never the record's: a role that runs nothing is not the call's role
	return lease, hint
}

// named returns full access to every open table whose name stands anywhere in the text, all open tables, and a hint
// about those that can be asked for.
func (q *question) named() (named []entitlements.Access, open []entitlements.TableName, hint string) {
	dialect := q.platform.Engine.Dialect()
	names := dialect.Names(q.sql)
	for _, v := range q.policies.Visible(q.call.Principal) {
		if v.Access != nil {
			open = append(open, v.Table)
		}
		if !names[dialect.Fold(v.Table.Name)] {
			continue
		}
		if v.Access != nil {
			named = append(named, *v.Access)
		} else if v.Denial.Closed {
			q.closed = closedFor(dialect, v.Denial)
		} else if hint == "" && v.Denial.Requestable {
			hint = q.asking(q.platform, q.policies, q.call.Principal).forTable(v.Table)
		}
	}
	return named, open, hint
}
