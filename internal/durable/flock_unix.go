//go:build unix && !solaris && !aix

package durable

import (
	"errors"
	"os"
	"syscall"
)

// flock waits for the lock on a file.
func flock(f *os.File, how Mode) error { return call(f, kind(how)) }

// try takes the lock on a file if no other process holds it.
func try(f *os.File, how Mode) bool { return call(f, kind(how)|syscall.LOCK_NB) == nil }

// share turns the lock that this process holds alone into one that others can hold, too.
func share(f *os.File) error { return flock(f, Shared) }

func kind(how Mode) int {
	if how == Shared {
		return syscall.LOCK_SH
	}
	return syscall.LOCK_EX
}

func call(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
