package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"deputy/vending"
	"deputy/vending/postgres/parameters"
	"deputy/vending/postgres/view"
)

// readAs is a statement over a version of the catalog, and the types that it is read with: see view.Retyped.
type readAs struct{ version, sql, types, without string }

// about are the codes of refusals that are about a statement's text. The words of others name nothing in it.
var about = []vending.Code{vending.InvalidSQL, vending.NotPermitted, vending.Unsupported}

// retyped reads the statement once more as it will run, where a mask changes the type of a column: PostgreSQL chooses
// functions and operators by types, and Analyze has seen those that it chooses for the columns as they are. Where
// callers share no schema, all that it can choose is PostgreSQL's own, which is judged by its name. It returns what the
// lease has to do without.
func (e *Engine) retyped(ctx context.Context, lease vending.Lease) ([]string, error) {
	s, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	types := view.Retyped(lease.Access)
	if types == "" || len(without(s.paths.Callers, lease.Without)) == 0 {
		return lease.Without, nil
	}
	key := readAs{
		s.catalog.Version, parameters.AsNull(lease.SQL, vending.Parameters(lease.Arguments)), types,
		strings.Join(lease.Without, "\n"),
	}
	if apart, ok := e.retypes.Get(key); ok {
		return apart, nil
	}
	trusted := lease
	for _, t := range s.catalog.Tables { // the types in the statement were decided about
		trusted.Open = append(trusted.Open, t.TableName)
	}
	statement, err := e.AnalyzeFor(ctx, trusted)
	var known *vending.Error
	switch {
	case errors.As(err, &known) && slices.Contains(about, known.Code):
		if err := e.Diagnose(ctx, lease); err != nil { // in words that know no table but those of the lease
			return nil, err
		}
		return nil, &vending.Error{Code: vending.InvalidSQL, Message: notUnderstood, Cause: err}
	case err != nil:
		return nil, err
	}
	apart := slices.Concat(statement.Without, lease.Without)
	if len(lease.SQL) <= analysisLength { // what is refused may be there the next time
		e.retypes.Add(key, apart)
	}
	return apart, nil
}
