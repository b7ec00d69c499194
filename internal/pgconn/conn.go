package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
)

const (
	pingTime     = time.Second // for an idle connection to show that it is alive
	closingTime  = time.Second // for what has no context of its own, such as closing a statement
	preparedTime = 5 * time.Second
)

// libraryConn is all that lib/pq's connections can do.
type libraryConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// Conn is a connection whose steps end with their contexts. It is what sql.Conn.Raw gives.
type Conn struct {
	library libraryConn
	wire    *wire
	config  Config
}

var _ libraryConn = (*Conn)(nil)

// follow returns the context of a step, which has an end where the caller has set none, and the leash that it holds
// until it is released.
func (c *Conn) follow(ctx context.Context) (context.Context, *leash) {
	if _, limited := ctx.Deadline(); limited || c.config.Patience == 0 {
		return ctx, c.wire.follow(ctx, c.config.Grace)
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Patience)
	l := c.wire.follow(ctx, c.config.Grace)
	l.cancel = cancel
	return ctx, l
}

// explain says why the wire was cut, where lib/pq only knows that it was, and why the database ended the connection,
// where lib/pq says no more than driver.ErrBadConn.
func (c *Conn) explain(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		if last := c.wire.meter.said.fatal(); last != nil {
			err = fmt.Errorf("%w: %w", driver.ErrBadConn, last)
		}
	}
	return c.wire.reason(err)
}

// settingTries is how often Config.Settings is run when an inherited timeout stops it.
const settingTries = 20

// prepare runs Config.Settings and Config.Prepare.
func (c *Conn) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, preparedTime)
	defer cancel()
	for try := 1; c.config.Settings != ""; try++ {
		_, err := c.ExecContext(ctx, c.config.Settings, nil)
		var stopped *pq.Error
		if err == nil {
			break
		}
		if !errors.As(err, &stopped) || stopped.Code != "57014" || try == settingTries {
			return fmt.Errorf("setting a connection up: %w", err)
		}
	}
	if c.config.Prepare == "" {
		return nil
	}
	if _, err := c.ExecContext(ctx, c.config.Prepare, nil); err != nil {
		return fmt.Errorf("preparing a connection: %w", err)
	}
	return nil
}

// ExecContext implements driver.ExecerContext.
func (c *Conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, following := c.follow(ctx)
	defer following.release()
	result, err := c.library.ExecContext(ctx, query, args)
	return result, c.explain(err)
}

// QueryContext implements driver.QueryerContext.
func (c *Conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.rows(
		ctx,
		func(ctx context.Context) (driver.Rows, error) { return c.library.QueryContext(ctx, query, args) },
	)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *Conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	ctx, following := c.follow(ctx)
	defer following.release()
	s, err := c.library.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	return &statement{conn: c, library: s.(libraryStatement)}, nil
}

// BeginTx implements driver.ConnBeginTx. The commit ends with the transaction's context, too.
func (c *Conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	ctx, following := c.follow(ctx)
	tx, err := c.library.BeginTx(ctx, options)
	if err != nil {
		following.release()
		return nil, c.explain(err)
	}
	return &transaction{conn: c, library: tx, following: following}, nil
}

// Prepare implements driver.Conn.
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Begin implements driver.Conn.
func (c *Conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *Conn) CheckNamedValue(v *driver.NamedValue) error { return c.library.CheckNamedValue(v) }

// Ping implements driver.Pinger.
func (c *Conn) Ping(ctx context.Context) error {
	ctx, following := c.follow(ctx)
	defer following.release()
	return c.explain(c.library.Ping(ctx))
}

// IsValid implements driver.Validator: a connection that was cut is not kept.
func (c *Conn) IsValid() bool { return c.wire.ended() == nil && c.library.IsValid() }

// ResetSession implements driver.SessionResetter. It is called before a connection is used again, when nothing of the
// caller's has run on it: database/sql takes another connection when this one is dead.
func (c *Conn) ResetSession(ctx context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	switch seen := look(c.wire.raw); {
	case seen == closed:
		return driver.ErrBadConn
	case seen == empty && c.wire.idle() < c.config.AskAfter:
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	defer c.wire.follow(limited, Immediately).release()
	// lib/pq would try to cancel the ping, on a connection of its own
	if c.library.Ping(context.WithoutCancel(ctx)) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// Close tells the database, as far as it listens.
func (c *Conn) Close() error {
	if c.wire.ended() != nil {
		return nil
	}
	if err := c.wire.SetDeadline(time.Now().Add(c.config.Grace)); err != nil {
		return errors.Join(err, c.wire.Close())
	}
	return c.library.Close()
}
