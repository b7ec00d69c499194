package assembly

import (
	"os"
	"syscall"
)

// beingWritten reports whether a process has the file open for writing: the kernel then gives nobody a read lease on
// it. The lease is given back at once. Where leases are not to be had (the file is somebody else's), nothing is known
// and the answer is no.
func beingWritten(path string) bool {
	const setLease = 1024 // F_SETLEASE, which package syscall does not name
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, _, failure := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_RDLCK)
	if failure == 0 {
		syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_UNLCK)
	}
	return failure == syscall.EAGAIN
}
