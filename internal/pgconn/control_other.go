//go:build !linux

package pgconn

import "syscall"

// control does nothing: keepAlive is what these systems have.
func control(_, _ string, _ syscall.RawConn) error { return nil }
