//go:build unix && !solaris && !aix

package audit

import (
	"os"
	"syscall"
)

const (
	exclusive = syscall.LOCK_EX
	shared    = syscall.LOCK_SH
)

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// tryLock takes the file's lock for itself if nobody else has it.
func tryLock(f *os.File) bool { return flock(f, exclusive|syscall.LOCK_NB) == nil }
