package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/tools/turns"
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
	r.state(t, args.SQL)
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
	result.AuditID = r.ID
	return result, nil
}

func (t *Tools) query(ctx context.Context, call Call, args QueryArgs, r *record) (*QueryResult, error) {
	if err := vending.Shape(args.SQL); err != nil {
		return nil, err
	}
	p, err := t.chosen(ctx, call, args.Platform)
	if err != nil {
		return nil, err
	}
	r.Platform = p.Name
	ctx, cancel := context.WithTimeout(ctx, t.config.Limits.Timeout+grace)
	defer cancel()
	turn, err := t.enter(ctx, p, call.Principal, args.SQL)
	if err != nil {
		return nil, err
	}
	defer turn.Leave()
	q := &question{
		Tools:    t,
		platform: p,
		call:     call,
		sql:      args.SQL,
		maxRows:  t.rows(args.MaxRows),
		record:   r,
		turn:     turn,
	}
	for try := 1; ; try++ {
		result, err := q.answer(ctx)
		if !errors.Is(err, vending.ErrChanged) || try == tries || ctx.Err() != nil {
			return result, err
		}
		q.anew()
	}
}

// tries is how often a statement is decided and vended while the tables that it reads go on changing.
const tries = 3

// anew forgets what was decided over a catalog that is not true any more. The intent of that has to be on the record
// before there is another.
func (q *question) anew() {
	q.record.Tables, q.record.Reasons = nil, nil
	if q.record.intended != nil {
		q.record.intended <- <-q.record.intended
	}
}

// rows is how many rows an answer may have: what the caller wants, and never more than the limit.
func (t *Tools) rows(wanted int) int {
	if wanted <= 0 || wanted > t.config.Limits.MaxRows {
		return t.config.Limits.MaxRows
	}
	return wanted
}

// question is one statement on its way.
type question struct {
	*Tools
	platform *platform
	policies requests.Both
	supposed bool // the policies are those of somebody who is only supposed, and stay
	call     Call
	sql      string
	maxRows  int
	record   *record
	turn     *turns.Turn
	closed   error // of a closed table that is named in a refused statement: in the caller's own world it is not there
}

func (q *question) answer(ctx context.Context) (*QueryResult, error) {
	statement, access, err := q.understand(ctx)
	if err != nil {
		return nil, err
	}
	recorded := q.intend(ctx, q.record)
	result, err := step(ctx, q.Tools, "vend and run", func(ctx context.Context) (vending.Result, error) {
		return q.run(ctx, statement, access, recorded)
	}, database(q.platform)...)
	if err != nil {
		return nil, err
	}
	q.record.Rows, q.record.Truncated = len(result.Rows), result.Truncated
	return &QueryResult{
		Columns: describeColumns(statement, result.Columns, access), Rows: result.Rows, RowCount: len(result.Rows),
		Truncated: result.Truncated, Role: result.Role.Name, Notices: q.notices(access, result),
	}, nil
}

// understand finds out what the statement reads, and what of that the caller gets.
func (q *question) understand(ctx context.Context) (*vending.Statement, []entitlements.Access, error) {
	if err := q.look(ctx); err != nil {
		return nil, nil, err
	}
	statement, err := step(ctx, q.Tools, "analyse", func(ctx context.Context) (*vending.Statement, error) {
		return turns.Try(ctx, q.turn, func(ctx context.Context) (*vending.Statement, error) {
			return q.platform.Engine.Analyze(ctx, q.sql)
		})
	}, database(q.platform)...)
	if err != nil {
		return q.reconsider(ctx, err)
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
		return q.reconsider(ctx, err)
	}
	return statement, access, nil
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
	q.instruments.vends.Add(ctx, 1, platform)
	defer q.instruments.vends.Add(ctx, -1, platform)
	lease := q.lease(access)
	lease.Recorded, lease.Without = recorded, statement.Without
	result, err := turns.Try(ctx, q.turn, func(ctx context.Context) (vending.Result, error) {
		return q.platform.Engine.Run(ctx, lease)
	})
	if err == nil {
		q.turn.Ran()
	}
	q.record.vended(result.Role)
	trace.SpanFromContext(ctx).SetAttributes(attribute.Int("db.response.returned_rows", len(result.Rows)))
	return result, err
}

// decide asks the entitlements about every table of the statement, and then the gate. What is granted is cut down to
// the columns it uses.
func (q *question) decide(statement *vending.Statement) ([]entitlements.Access, error) {
	var granted []entitlements.Access
	var closed error
	denied := false
	for _, use := range statement.Tables {
		access, denial := q.policies.Decide(q.call.Principal, use.Table)
		if denial != nil {
			q.record.denied(denial)
			switch {
			case denial.Closed:
				closed = closedFor(denial)
			case q.policies.Unknown != nil && denial.Requestable:
				closed = unknownFor(use.Table, q.policies.Unknown)
			default:
				denied = true
			}
			continue
		}
		access.Clear, access.Columns = access.InClear(), use.Of(access.Columns)
		granted = append(granted, access)
		q.record.granted(access)
	}
	for _, use := range statement.Types {
		if !slices.ContainsFunc(use.Tables, q.open) {
			denied = true
			q.record.Reasons = append(
				q.record.Reasons,
				fmt.Sprintf("no table that is open to the caller has the type %s", use.Name),
			)
		}
	}
	if denied {
		return nil, &Error{
			Code:    NotPermitted,
			Message: "the statement names a table that is not there or that you may not read: describe_table lists those you can",
		}
	}
	if closed != nil {
		return nil, closed
	}
	if err := vending.Gate(statement); err != nil {
		for _, f := range statement.Forbidden {
			q.record.Reasons = append(q.record.Reasons, fmt.Sprintf("the gate refuses the %s %s", f.What, f.Name))
		}
		return nil, err
	}
	return granted, nil
}

func (q *question) open(table entitlements.TableName) bool {
	_, denial := q.policies.Decide(q.call.Principal, table)
	return denial == nil
}

// errClosed is the cause of a refusal of a table that is closed to its own callers.
var errClosed = errors.New("the table is closed to its own callers")

// unknownFor is about a table that may be known of and is closed, where what was approved cannot be looked up.
func unknownFor(table entitlements.TableName, why error) *Error {
	return &Error{Code: Unavailable, Cause: why, Message: fmt.Sprintf("%s is closed without an approved request, "+
		"and what was approved cannot be looked up now: try again in a moment; what needs no approval can be read",
		table)}
}

// closedFor names what of the file does not fit the table, and nothing of the database.
func closedFor(denial *entitlements.Denial) error {
	why := "Deputy may not read it yet"
	if len(denial.Misfits) > 0 {
		why = strings.Join(denial.Misfits, ", ") + " does not fit the database as it is"
	}
	return &Error{Code: Unavailable, Cause: errClosed, Message: fmt.Sprintf(
		"%s is closed for now: %s; Deputy's administrator finds the reason in the log; other tables can be read",
		denial.Table, why,
	)}
}

// reconsider finds the words for a statement that is not run. The analysis knew every table there is, so its words
// cannot be passed on: the caller's own world is asked instead, in which a table that may not be known of does not
// exist. Where nothing is wrong with the statement there, and the engine can say what it reads there, it is run: what
// is hidden has taken a name that means something else to the caller. Otherwise the reason is one that holds for
// everybody, and is told as it is. That an analysis took too long, or could not be read, is such a reason as well: it
// may have come only so far because the table is there.
func (q *question) reconsider(ctx context.Context, reason error) (*vending.Statement, []entitlements.Access, error) {
	why := asError(reason)
	if ctx.Err() != nil || why.Code == TooBusy || why.Code == Cancelled {
		return nil, nil, why
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
		q.record.Tables, q.record.Reasons = nil, nil // they are about what the statement does not mean
		if access, err := q.decide(statement); err == nil {
			return statement, access, nil
		}
	}
	if why.Code == NotPermitted {
		if q.closed != nil {
			return nil, nil, q.closed
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
			q.closed = closedFor(v.Denial)
		} else if hint == "" && v.Denial.Requestable {
			hint = q.asking(q.platform, q.policies, q.call.Principal).forTable(v.Table)
		}
	}
	return named, open, hint
}

func (q *question) lease(access []entitlements.Access) vending.Lease {
	l := q.config.Limits
	for _, a := range access { // what was approved for a while ends while the statement runs, too
		if !a.Until.IsZero() {
			l.Timeout = min(l.Timeout, max(a.Until.Sub(q.config.Now()), time.Millisecond))
		}
	}
	return vending.Lease{
		ID:       q.record.ID,
		SQL:      q.sql,
		Access:   access,
		Catalog:  q.policies.CatalogVersion(),
		MaxRows:  q.maxRows,
		MaxBytes: l.MaxBytes,
		Timeout:  l.Timeout,
	}
}

// describeColumns names the policy that masks what a column is made from.
func describeColumns(
	statement *vending.Statement,
	columns []vending.OutputColumn,
	access []entitlements.Access,
) []Column {
	masked := map[entitlements.ColumnName]string{}
	for _, a := range access {
		for _, c := range a.Columns {
			if len(c.Masks) > 0 {
				masked[entitlements.ColumnName{TableName: a.Table, Column: c.Name}] = c.Masks[0].Policy
			}
		}
	}
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Type: c.Type}
		if len(statement.Outputs) != len(columns) {
			continue
		}
		for _, origin := range statement.Outputs[i].Origins {
			if policy := masked[origin]; policy != "" && out[i].MaskedBy == "" {
				out[i].MaskedBy = policy
			}
		}
	}
	return out
}

// notices tell the model what it does not see, so that it does not take masked values for real ones or a part for the
// whole.
func (q *question) notices(access []entitlements.Access, result vending.Result) []string {
	out := []string{}
	if q.policies.Unknown != nil {
		out = append(out, "what was approved on request cannot be looked up now, and does not count in this answer: "+
			"what is masked here may have been approved to be seen")
	}
	ask := q.asking(q.platform, q.policies, q.call.Principal)
	for _, a := range access {
		for _, c := range a.Columns {
			for _, m := range c.Masks {
				where := ""
				if len(m.When) > 0 {
					where = " in some rows"
				}
				out = append(out, m.Notice(a.Table, c.Name, where))
			}
		}
		if how := ask.forColumns(a); how != "" {
			out = append(out, how)
		}
		for _, policy := range a.FilterPolicies() {
			out = append(out, fmt.Sprintf("rows of %s are limited by policy %q", a.Table, policy))
		}
	}
	if result.Truncated {
		out = append(out, fmt.Sprintf("only the first %d rows are shown: there are more", len(result.Rows)))
	}
	return out
}
