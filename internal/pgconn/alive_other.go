//go:build !unix

package pgconn

import "net"

type inbox int

const (
	empty inbox = iota
	closed
	filled
)

// look cannot peek here: each connection is pinged before it is used again.
func look(net.Conn) inbox { return filled }
