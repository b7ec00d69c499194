package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/lib/pq"
	"github.com/ncruces/go-sqlite3"
)

// ErrAltered is about a row that is not as Deputy wrote it. It opens nothing.
var ErrAltered = errors.New("the state database has a row that is not as Deputy wrote it")

// plain is what may be said of a database's error. Their own texts repeat names out of the dsn, and values.
func plain(err error) error {
	var refused *pq.Error
	var file sqlite3.ErrorCode
	var code syscall.Errno
	var network net.Error
	switch {
	case err == nil, errors.Is(err, ErrAltered), errors.Is(err, ErrLeaseLost):
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("the state database: %w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the state database: %w", context.DeadlineExceeded)
	case errors.As(err, &refused):
		return fmt.Errorf("the state database: PostgreSQL says %s (%s)", refused.Code.Name(), refused.Code)
	case errors.As(err, &file):
		return fmt.Errorf("the state database: SQLite says %w", file)
	case errors.As(err, &code):
		return fmt.Errorf("the state database cannot be reached: %w", code)
	case errors.As(err, &network):
		return errors.New("the state database cannot be reached")
	}
	return errors.New("the state database does not answer as it should")
}
