package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// maxAnswer is how much the database may send in answer to one request, in bytes. A row has to be in memory as a whole
// before it can be measured, so one value of a gigabyte would otherwise be ours to hold.
const maxAnswer = 64 << 20

// connector makes connections that are warm and bounded.
type connector struct{ *pq.Connector }

func newConnector(dsn string) (*connector, error) {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		// err may quote the password
		return nil, errors.New(
			"the dsn cannot be read: write it as postgres://deputy_runner@host/database or as key=value pairs",
		)
	}
	c.Dialer(boundedDialer{})
	return &connector{c}, nil
}

// Connect makes the session's temporary schema once: each analysis needs it, and would otherwise make it anew in its
// own transaction and roll it back.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	warm := `CREATE TEMPORARY TABLE IF NOT EXISTS deputy_warm (); DROP TABLE pg_temp.deputy_warm`
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, warm, nil); err != nil {
		conn.Close()
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	return conn, nil
}

func openPool(c *connector, size int) *sqlx.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return sqlx.NewDb(db, "postgres")
}

// boundedDialer counts what arrives between two requests and ends the connection at maxAnswer.
type boundedDialer struct{}

func (d boundedDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d boundedDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (boundedDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn}, nil
}

type boundedConn struct {
	net.Conn
	read int // since the last write; lib/pq reads and writes from one goroutine at a time
}

var errAnswerTooLarge = errors.New("the database's answer is too large")

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.read > maxAnswer {
		return 0, errAnswerTooLarge
	}
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

func (c *boundedConn) Write(p []byte) (int, error) {
	c.read = 0
	return c.Conn.Write(p)
}
