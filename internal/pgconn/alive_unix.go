//go:build unix

package pgconn

import (
	"errors"
	"net"
	"syscall"
)

// Whether a connection that nothing was asked of has something to read.
type inbox int

const (
	empty  inbox = iota
	closed       // the other side has ended the connection
	filled       // a notice, or the reason for which it is about to be closed
)

// look peeks at a connection and waits for nothing.
func look(c net.Conn) inbox {
	s, ok := c.(syscall.Conn)
	if !ok {
		return filled
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return closed
	}
	seen := closed
	var one [1]byte
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			seen = empty
		case err == nil && n > 0:
			seen = filled
		}
		return true
	})
	if err != nil {
		return closed
	}
	return seen
}
