package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/misfit"
)

// mayBeMisfit reports whether PostgreSQL could have ended a vend so because a value of the caller is none of the type
// that it is compared with. Of types that are read from names or patterns (regclass, tsquery, ltree) it says that the
// name is missing, or calls the value a syntax error.
func mayBeMisfit(err error) bool {
	code := state(err)
	return code != columnsMoved && (strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") ||
		slices.Contains([]string{"42601", "42602", "42704", "42P01", "42883", "42703", "3F000", "54000"}, code))
}

// fit finds the values of a lease that do not fit, in transactions that make views and keep none. One is enough, unless
// an error quotes a text so long that the connection is given up.
func (e *Engine) fit(ctx context.Context, s *snapshot, lease vending.Lease) (misfit.Found, error) {
	begin := fmt.Sprintf("BEGIN; SELECT %s, set_config('statement_timeout', '%d', true); SAVEPOINT fit",
		lockMoment, lease.Timeout.Milliseconds())
	conn, err := e.begin(ctx, begin)
	if err != nil {
		return nil, err
	}
	defer func() {
		if conn != nil {
			release(ctx, conn)
		}
	}()
	try := func(ctx context.Context, access []entitlements.Access) (bool, error) {
		part := lease
		part.Access = access
		sp, _ := e.newSpec(part, s)
		//nolint:gosec // the call is the signer's own, whose values are quoted
		_, err := conn.ExecContext(ctx, "SELECT "+e.signer.call(sp))
		if err != nil && !mayBeMisfit(err) {
			return false, err
		}
		if _, back := conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT fit"); back != nil {
			discard(conn)
			if conn, back = e.begin(ctx, begin); back != nil {
				return false, back
			}
		}
		return err == nil, nil
	}
	return e.misfits.Find(ctx, s.catalog.Version, lease.Access, try)
}
