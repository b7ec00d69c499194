package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending/sqlite/sqltext"
)

// conn is one private connection: main is empty and in memory, and the governed file is attached.
type conn struct{ *sqlite3.Conn }

type row = *sqlite3.Stmt

// off are the features that no session needs.
var off = []sqlite3.DBConfig{
	sqlite3.DBCONFIG_ENABLE_TRIGGER,
	sqlite3.DBCONFIG_ENABLE_VIEW, // views of the file; temporary ones, which are ours, are not affected
	sqlite3.DBCONFIG_ENABLE_FTS3_TOKENIZER,
	sqlite3.DBCONFIG_ENABLE_LOAD_EXTENSION,
	sqlite3.DBCONFIG_TRUSTED_SCHEMA,
	sqlite3.DBCONFIG_WRITABLE_SCHEMA,
	sqlite3.DBCONFIG_DQS_DML,
	sqlite3.DBCONFIG_DQS_DDL,
}

const busyTimeout = 2 * time.Second

func readOnlyURI(path string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=ro"}).String()
}

// withFile is withMemory with all the memory that a session may have.
func (e *Engine) withFile(ctx context.Context, schema string, f func(conn) error) error {
	return e.withMemory(ctx, schema, e.cfg.MaxMemory, f)
}

// withMemory runs f on a new connection that has the file attached under the name given, and closes it. SQLite has so
// many bytes of memory there.
// A panic of the SQLite binding, which is how it reports that memory is exhausted, becomes an error.
func (e *Engine) withMemory(ctx context.Context, schema string, memory int64, f func(conn) error) (err error) {
	defer rescue(&err)
	db, err := sqlite3.OpenContext(sqlite3.WithMaxMemory(ctx, memory), ":memory:")
	if err != nil {
		return fmt.Errorf("opening a session: %w", err)
	}
	c := conn{db}
	defer c.discard()
	if err := c.harden(); err != nil {
		return fmt.Errorf("hardening a session: %w", err)
	}
	c.SetInterrupt(ctx)
	if err := c.attach(e.uri, schema); err != nil {
		return fmt.Errorf("attaching the database file: %w", err)
	}
	return f(c)
}

func (c conn) harden() error {
	for _, option := range off {
		if _, err := c.Config(option, false); err != nil {
			return err
		}
	}
	if _, err := c.Config(sqlite3.DBCONFIG_DEFENSIVE, true); err != nil {
		return err
	}
	// The byte code of a statement does not depend on what is bound to its parameters, so what was checked is what runs.
	if _, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return err
	}
	if err := c.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	// What a sort or a materialised view spills must not reach a disk.
	return c.Exec(`PRAGMA temp_store = memory`)
}

func (c conn) attach(uri, schema string) error {
	if err := c.Exec(`ATTACH ` + sqltext.Literal(uri) + ` AS ` + sqltext.Quote(schema)); err != nil {
		return err
	}
	if readOnly, _ := c.ReadOnly(schema); !readOnly {
		return errors.New("the file was not opened read-only")
	}
	return nil
}

// query runs one of our own statements.
func (c conn) query(sql string, each func(row)) error {
	stmt, _, err := c.Prepare(sql)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for stmt.Step() {
		each(stmt)
	}
	return stmt.Err()
}

// discard closes the connection whatever state it is in, so that its memory is given back.
func (c conn) discard() {
	for _, stmt := range slices.Collect(c.Stmts()) {
		func() {
			defer func() { recover() }() // Close repeats the error of the last step, also one that panics
			stmt.Close()
		}()
	}
	defer func() { recover() }()
	c.Conn.Close()
}

func rescue(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errPanicked, r)
	}
}
