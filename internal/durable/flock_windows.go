package durable

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte lies far behind the end of any file: Windows keeps other handles from reading and writing what is locked.
func lockedByte() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// flock waits for the lock on a file.
func flock(f *os.File, how Mode) error { return call(f, kind(how)) }

// try takes the lock on a file if no other process holds it.
func try(f *os.File, how Mode) bool {
	return call(f, kind(how)|windows.LOCKFILE_FAIL_IMMEDIATELY) == nil
}

// share turns the lock that this process holds alone into one that others can hold, too: of two locks on the same
// handle, the first call to unlock ends the exclusive one.
func share(f *os.File) error {
	if err := flock(f, Shared); err != nil {
		return err
	}
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockedByte())
}

func kind(how Mode) uint32 {
	if how == Shared {
		return 0
	}
	return windows.LOCKFILE_EXCLUSIVE_LOCK
}

func call(f *os.File, how uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, lockedByte())
}
