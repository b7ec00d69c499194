package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jmoiron/sqlx"

	"deputy/internal/pgconn"
	"deputy/vending"
	"deputy/vending/postgres/cell"
	"deputy/vending/postgres/parameters"
	"deputy/vending/postgres/sqltext"
)

// guard stands before every text of a caller. lib/pq sends a text that begins with COPY through the simple protocol,
// where it may hold several statements, even when it is asked to prepare it; one that begins with an empty statement it
// does not take for COPY.
const guard = ";"

// prepare sends the caller's text through the extended protocol: one statement, never several. It is lib/pq's own
// interface and not database/sql's, because a statement is used once and taken away with the role: there is nothing to
// close.
func (v *vended) prepare(ctx context.Context, conn any) (driver.StmtQueryContext, error) {
	if sqltext.Dialect.Empty(v.asked) {
		return nil, &vending.Error{Code: vending.InvalidSQL, Message: "there is no statement: write one SELECT"}
	}
	if err := v.settleNames(ctx, conn); err != nil {
		return nil, err
	}
	stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, guard+v.text.SQL)
	if err != nil {
		return nil, v.statementError(ctx, err)
	}
	return stmt.(driver.StmtQueryContext), parameters.Check(stmt, v.parameters)
}

// query runs the caller's statement and reads its rows up to the limits.
func (v *vended) query(ctx context.Context, spare *sqlx.DB, lease vending.Lease) (result vending.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	raw := v.conn.Raw(func(conn any) error {
		defer insist(ctx, spare, v.role.Name)()
		result, err = v.read(ctx, cancel, conn, lease)
		return nil
	})
	return result, errors.Join(err, raw)
}

// read calls enough when there are more rows than the lease allows: what the database is still sending ends with it.
func (v *vended) read(ctx context.Context, enough func(), conn any, lease vending.Lease) (vending.Result, error) {
	stmt, err := v.prepare(ctx, conn)
	if err != nil {
		return vending.Result{}, err
	}
	if err := v.recheck(ctx, conn); err != nil {
		return vending.Result{}, err
	}
	if err := lease.Await(ctx); err != nil {
		return vending.Result{}, err
	}
	room, err := vending.RoomFor(ctx, lease, 0)
	if err != nil {
		return vending.Result{}, err
	}
	defer room.End()
	weighed := conn.(*pgconn.Conn)
	weighed.Weigh(weighRow(ctx, room))
	defer weighed.Weigh(nil)
	rows, err := stmt.QueryContext(ctx, parameters.Values(lease.Arguments))
	if err != nil {
		return vending.Result{}, v.runError(ctx, err)
	}
	defer rows.Close()
	result, err := readRows(ctx, rows, lease.MaxRows, room)
	switch {
	case err != nil:
		return vending.Result{}, v.runError(ctx, err)
	case rows.Columns() == nil: // a read of no column has a list of none
		return vending.Result{}, &vending.Error{Code: vending.Unsupported, Message: onlyReads}
	case len(result.Columns) == 0 && len(lease.Access) == 0:
		return vending.Result{}, &vending.Error{Code: vending.Unsupported, Message: asksNothing}
	case result.Truncated:
		enough()
	}
	return result, nil
}

// readRows reads up to the limits. A row that is too large for any answer ends an answer that has others.
func readRows(ctx context.Context, rows driver.Rows, maxRows int, room *vending.Room) (vending.Result, error) {
	names := rows.Columns()
	types := make([]string, len(names))
	result := vending.Result{Rows: [][]any{}, Columns: make([]vending.OutputColumn, len(names))}
	for i, name := range names {
		types[i] = rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i)
		result.Columns[i] = vending.OutputColumn{Name: name, Type: cell.TypeName(types[i])}
	}
	values := make([]driver.Value, len(names))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return result, nil
		case errors.Is(err, vending.ErrRowTooLarge) && len(result.Rows) > 0:
			result.Truncated = true
			return result, nil
		case err != nil:
			return vending.Result{}, err
		case len(result.Rows) >= maxRows:
			result.Truncated = true
			return result, nil
		}
		size := 0
		row := make([]any, len(values))
		for i, v := range values {
			row[i] = cell.Convert(v, types[i])
			size += vending.Size(row[i])
		}
		switch fits, err := room.Add(ctx, size); {
		case err != nil:
			return vending.Result{}, err
		case !fits:
			result.Truncated = true
			return result, nil
		}
		result.Rows = append(result.Rows, row)
	}
}
