package durable

import (
	"context"
	"os"
)

// Mode is how a lock is held.
type Mode int

// How a lock can be held.
const (
	Exclusive Mode = iota // by one process alone
	Shared                // by any number of processes, while no process holds it alone
)

// Lock takes the lock of the file at a path for this process alone, and returns how to let go of it. It waits until
// another process lets go, or the context ends. The lock is a file of its own beside the other one, which only its
// owner may open: another account could otherwise hold the lock for ever.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return hold(ctx, f, Exclusive)
}

// Hold takes the lock on the file at a path itself, which must be there and of which it changes nothing. It waits as
// Lock does.
func Hold(ctx context.Context, path string, how Mode) (release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return hold(ctx, f, how)
}

// Join holds the lock on the file at a path together with other processes until leave is called, and says whether this
// one is the first of them. The file is made if it is not there.
func Join(path string) (alone bool, leave func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, nil, err
	}
	alone = try(f, Exclusive)
	if alone {
		err = share(f)
	} else {
		err = flock(f, Shared)
	}
	if err != nil {
		f.Close()
		return false, nil, err
	}
	return alone, func() { f.Close() }, nil
}

// hold takes the lock on an open file, and the file with it: it is closed when the lock is let go of, or not taken.
func hold(ctx context.Context, f *os.File, how Mode) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		f.Close()
		return nil, err
	}
	taken := make(chan error, 1)
	if try(f, how) {
		taken <- nil
	} else {
		go func() { taken <- flock(f, how) }()
	}
	select {
	case err := <-taken:
		if err != nil {
			f.Close()
			return nil, err
		}
		return func() { f.Close() }, nil
	case <-ctx.Done(): // another process holds it and does not let go
		go func() {
			<-taken
			f.Close()
		}()
		return nil, ctx.Err()
	}
}
