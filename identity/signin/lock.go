package signin

import (
	"context"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lock takes the lock of a sign-in, which holds between processes: two of them must not both use a refresh token that can be used
// once, or the issuer takes them for a thief and the owner, and ends the sign-in.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	type result struct {
		unlock func()
		err    error
	}
	taken := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
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
