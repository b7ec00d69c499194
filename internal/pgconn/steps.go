package pgconn

import (
	"context"
	"database/sql/driver"
)

// libraryStatement is all that lib/pq's prepared statements can do.
type libraryStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statement is a prepared statement.
type statement struct {
	conn    *Conn
	library libraryStatement
}

var _ libraryStatement = (*statement)(nil)

func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	ctx, following := s.conn.follow(ctx)
	defer following.release()
	result, err := s.library.ExecContext(ctx, args)
	return result, s.conn.explain(err)
}

func (s *statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.rows(ctx, func(ctx context.Context) (driver.Rows, error) { return s.library.QueryContext(ctx, args) })
}

func (s *statement) NumInput() int { return s.library.NumInput() }

func (s *statement) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

func (s *statement) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

// Close has no context, and waits for the database for closingTime at most.
func (s *statement) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	defer s.conn.wire.follow(ctx, Immediately).release()
	return s.conn.explain(s.library.Close())
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}

// transaction ends with the context that it was begun with.
type transaction struct {
	conn      *Conn
	library   driver.Tx
	following *leash
}

func (t *transaction) Commit() error {
	defer t.following.release()
	return t.conn.explain(t.library.Commit())
}

func (t *transaction) Rollback() error {
	defer t.following.release()
	return t.conn.explain(t.library.Rollback())
}

// libraryRows is all that lib/pq's rows can do.
type libraryRows interface {
	driver.Rows
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// rows follow the context of their statement until they are closed.
type rows struct {
	libraryRows
	conn      *Conn
	following *leash
}

func (c *Conn) rows(
	ctx context.Context,
	query func(context.Context) (driver.Rows, error),
) (driver.Rows, error) {
	ctx, following := c.follow(ctx)
	r, err := query(ctx)
	if err != nil {
		following.release()
		return nil, c.explain(err)
	}
	return &rows{libraryRows: r.(libraryRows), conn: c, following: following}, nil
}

func (r *rows) Next(into []driver.Value) error {
	return r.conn.explain(r.libraryRows.Next(into))
}

func (r *rows) Close() error {
	defer r.following.release()
	return r.conn.explain(r.libraryRows.Close())
}
