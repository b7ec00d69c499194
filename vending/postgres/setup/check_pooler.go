package setup

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jmoiron/sqlx"

	"deputy/vending"
)

// CheckTransactions finds a pooler that allows no transactions: it answers a statement and ends the connection at
// BEGIN. A call is one transaction, so nothing can be vended there.
func CheckTransactions(ctx context.Context, db *sqlx.DB) ([]vending.Finding, error) {
	for range 2 { // once may be a connection that was lost just then
		ended, err := endsAtBegin(ctx, db)
		if err != nil || !ended {
			return nil, err
		}
	}
	return []vending.Finding{{Key: "dsn", Text: "the dsn leads to a connection pooler in statement mode, " +
		"which ends a connection at BEGIN: each call is one transaction, so set pool_mode = transaction " +
		"for this database"}}, nil
}

func endsAtBegin(ctx context.Context, db *sqlx.DB) (bool, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT 1"); err != nil {
		return false, err
	}
	_, err = conn.ExecContext(ctx, "BEGIN")
	if errors.Is(err, driver.ErrBadConn) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return false, err
}
