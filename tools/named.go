package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/tools/queries"
	"deputy/vending"
)

// listing is how long the platforms may take to say which queries a caller can run.
const listing = 2 * time.Second

// Queries are those that the caller can run, each on the platforms on which it can. Others are not there for it.
func (t *Tools) Queries(ctx context.Context, call Call) (out []queries.Query) {
	ctx, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	for _, q := range t.config.Queries {
		if q = q.On(func(platform string) bool {
			p, err := t.platform(platform)
			return err == nil && slices.ContainsFunc(t.purposes(call.Principal), func(who identity.Principal) bool {
				return t.offers(ctx, p, Call{who, call.Client}, q.Name)
			})
		}); len(q.Statements) > 0 {
			out = append(out, q)
		}
	}
	return out
}

// HasQueries reports whether any query is named, for whichever callers.
func (t *Tools) HasQueries() bool { return len(t.config.Queries) > 0 }

// offers reports whether a caller can run a query on a platform, as it is decided when the caller does.
func (t *Tools) offers(ctx context.Context, p *platform, call Call, name string) bool {
	named := queries.NewCall(t.config.Queries, name, p.Name, "")
	q := &question{Tools: t, platform: p, call: call, record: &record{}, query: named}
	if q.look(ctx) != nil {
		return false
	}
	statement, err := p.Engine.Analyze(ctx, named.SQL, named.Places()...)
	if err != nil {
		return false
	}
	access, err := q.decide(statement)
	return err == nil && queries.Shows(statement, access)
}

// whole refuses a call that does not say what to run, and an agent's own SQL where it has named queries only.
func (t *Tools) whole(ctx context.Context, call Call, args QueryArgs) error {
	switch {
	case args.Name == "" && args.Parameters != "", args.Name != "" && args.SQL != "":
		return &Error{Code: InvalidArgument, Message: "send either sql, or name with its parameters, and not both"}
	case args.Name == "" && call.Principal.Agent.NamedOnly:
		return &Error{Code: NotPermitted, Hint: "send name and parameters instead of sql",
			Message: "this agent runs named queries and no SQL of its own: " + queries.Those(t.Queries(ctx, call))}
	case args.Name == "":
		return vending.Shape(args.SQL)
	}
	return nil
}

// placed is the platform that a call means. One by name that says none means the one on which the caller can run the
// query. Where that is none, it is the first that the caller may know of, on which the query is not there.
func (t *Tools) placed(ctx context.Context, call Call, args QueryArgs) string {
	if args.Name == "" || args.Platform != "" || len(t.platforms) == 1 {
		return args.Platform
	}
	for _, q := range t.Queries(ctx, call) {
		if q.Name == args.Name {
			return q.Platform()
		}
	}
	return append(t.Choices(ctx, call), "")[0]
}

// name takes up that the call is one by name, and puts that on the record.
func (q *question) name(args QueryArgs) {
	q.query = queries.NewCall(q.config.Queries, args.Name, q.platform.Name, args.Parameters)
	q.sql = q.query.SQL
	q.record.Query = &audit.Query{Name: q.query.Shown(), Parameters: q.query.Names()}
	q.record.state(q.Tools, q.sql)
}

// bind gives the query its values, once it is decided that the caller may run it.
func (q *question) bind(ctx context.Context, s *vending.Statement, access []entitlements.Access) (err error) {
	switch {
	case q.query == nil:
		return nil
	case !q.query.There || !queries.Shows(s, access):
		return q.hidden(ctx, nil, &Error{Code: NotPermitted})
	}
	if err = q.query.Bind(); err != nil {
		return &Error{Code: InvalidArgument, Message: err.Error()}
	}
	if q.config.Statements.Values() {
		q.record.Query.Values = q.query.Values()
	}
	return nil
}

// hidden refuses a query that the caller may not run, in the words for one that is not there. One whose tables can all
// be asked for is there: the caller may know of them.
func (q *question) hidden(ctx context.Context, statement *vending.Statement, why *Error) error {
	if why.Code != NotPermitted && why.Code != InvalidSQL && why.Code != UnsupportedStatement {
		return why
	}
	if table := q.requestable(statement); table != nil {
		return &Error{
			Code: NotPermitted, Hint: q.asking(q.platform, q.policies, q.call.Principal).forTable(*table),
			Message: fmt.Sprintf("the query %s reads %s, which is not open to you", q.query.Name, table), Cause: why,
		}
	}
	return &Error{
		Code: NotPermitted, Message: q.query.Absent(q.Tools.Queries(ctx, q.call)), Cause: why,
		Hint: "send the name of a query that is there for you",
	}
}

// requestable is a table that the caller may not read, where all those can be asked for that it may not read.
func (q *question) requestable(statement *vending.Statement) (table *entitlements.TableName) {
	if statement == nil || vending.Gate(statement) != nil {
		return nil
	}
	for _, use := range statement.Tables {
		_, denial := q.policies.Decide(q.call.Principal, use.Table)
		if denial != nil && !denial.Requestable {
			return nil
		}
		if denial != nil {
			table = &use.Table
		}
	}
	return table
}

// failed is why a call has no rows. What is wrong with the statement of a query, its caller cannot mend.
func (q *question) failed(err error) error {
	why := asError(err)
	said, ok := q.query.Failure(why.Message)
	switch {
	case !ok || errors.Is(err, vending.ErrChanged) || errors.Is(err, vending.ErrRowTooLarge):
	case why.Code == InvalidSQL:
		return &Error{Code: InvalidArgument, Message: said, Cause: err}
	case why.Code == NotPermitted || why.Code == UnsupportedStatement:
		return &Error{Code: Unavailable, Message: said, Cause: err}
	}
	return err
}
