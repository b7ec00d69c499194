package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"deputy/vending"
	"deputy/vending/postgres/setup"
)

// ReadPlain runs a statement on any connection and gives its values as Run would, so that tests compare the two like
// with like.
func ReadPlain(ctx context.Context, conn *sql.Conn, statement string) (result vending.Result, err error) {
	err = conn.Raw(func(conn any) error {
		stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		defer stmt.Close()
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		room, err := vending.RoomFor(ctx, vending.Lease{MaxBytes: 1 << 40}, 0)
		if err != nil {
			return err
		}
		result, err = readRows(ctx, rows, math.MaxInt, room)
		return err
	})
	return result, err
}

// Insist is insist on the engine's spare connection.
func (e *Engine) Insist(ctx context.Context, role string) (settled func()) {
	return insist(ctx, e.spare, role)
}

// SignedSpec is the call of deputy.vend for no view, good until then.
func SignedSpec(key, id string, until time.Time) string {
	none := []string{}
	return newSigner(key).call(spec{
		Version: setup.Version,
		ID:      id, Expires: until.Unix(), Tables: []vendedView{}, Path: none, Callers: none, Functions: none,
	})
}

// TroubleInPhases is what a caller is told when the database answers with the state in each phase of a call.
func TroubleInPhases(ctx context.Context, state string) map[string]error {
	err := &pq.Error{Code: pqerror.Code(state), Severity: "ERROR", Message: "no word of this is for the caller"}
	v := &vended{asked: "SELECT 1"}
	return map[string]error{
		"analysing": analysisError(ctx, err), "vending": vendError(ctx, err), "preparing": v.statementError(ctx, err),
		"running": v.runError(ctx, err), "reading the catalog": unread(vending.Unavailable, err),
	}
}

// RunAfter is Run, with something that happens once the vend has looked at the lease's tables.
func (e *Engine) RunAfter(ctx context.Context, lease vending.Lease, happens func()) (vending.Result, error) {
	v, err := e.vend(ctx, lease, readOnly)
	if err != nil {
		return vending.Result{}, err
	}
	happens()
	result, err := v.query(ctx, e.spare, lease)
	v.revoke(ctx, returnsClean(err))
	return result, err
}
