package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"

	"github.com/lib/pq"
	"github.com/ncruces/go-sqlite3"

	"deputy/internal/pgconn"
)

// ErrAltered is about a row that is not as Deputy wrote it. It opens nothing.
var ErrAltered = errors.New("the state database has a row that is not as Deputy wrote it")

// ErrUnreachable is about a database that does not answer.
var ErrUnreachable = errors.New("the state database cannot be reached")

// Passing reports whether an error may pass without a change of the configuration: the database is out of reach, or it
// was restored and an administrator has to say whether it goes on.
func Passing(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrRestored) || errors.Is(err, context.DeadlineExceeded)
}

// plain is what may be said of a database's error. Their own texts repeat names out of the dsn, and values.
func plain(err error) error {
	var refused *pq.Error
	var file sqlite3.ErrorCode
	var code syscall.Errno
	var network net.Error
	switch {
	case err == nil, errors.Is(err, ErrAltered), errors.Is(err, ErrLeaseLost), errors.Is(err, ErrUnreachable):
		return err
	case errors.Is(err, pgconn.ErrSilent):
		return fmt.Errorf("%w: %w", ErrUnreachable, pgconn.ErrSilent)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("the state database: %w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the state database: %w", context.DeadlineExceeded)
	case errors.As(err, &refused) && slices.Contains([]string{"08", "53", "57"}, string(refused.Code.Class())):
		return fmt.Errorf("%w: PostgreSQL says %s (%s)", ErrUnreachable, refused.Code.Name(), refused.Code)
	case errors.As(err, &refused):
		return fmt.Errorf("the state database: PostgreSQL says %s (%s)", refused.Code.Name(), refused.Code)
	case errors.As(err, &file):
		return fmt.Errorf("the state database: SQLite says %w", file)
	case errors.As(err, &code):
		return fmt.Errorf("%w: %w", ErrUnreachable, code)
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF):
		return ErrUnreachable
	}
	return errors.New("the state database does not answer as it should")
}
