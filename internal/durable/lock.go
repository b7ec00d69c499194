package durable

import (
	"context"
	"os"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Lock takes the lock of the file at a path, which holds between processes, and returns how to let go of it. The lock
// is a file of its own beside the other one, which only its owner may open: another account could otherwise hold the
// lock for ever.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	type result struct {
		unlock func()
		err    error
	}
	path += ".lock"
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err
	}
	taken := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		taken <- result{unlock, err}
	}()
	select {
	case r := <-taken:
		return r.unlock, r.err
	case <-ctx.Done(): // another process holds it and does not let go
		go func() {
			if r := <-taken; r.err == nil {
				r.unlock()
			}
		}()
		return nil, ctx.Err()
	}
}
