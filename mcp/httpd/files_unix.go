//go:build unix

package httpd

import "syscall"

// openFiles is how many files the process may have open. The runtime has raised that as far as it may.
func openFiles() (int, bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0, false
	}
	return int(limit.Cur), true
}
