package pgconn

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/lib/pq"
)

// askForTLS is the request with which a client asks whether the server speaks TLS.
var askForTLS = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// unsecured is an error for which sslmode=prefer goes on in the clear. Any other has ended in the middle of TLS with a
// server that speaks it.
type unsecured struct{ error }

func (u unsecured) Unwrap() error { return u.error }

// open speaks TLS on a connection that nothing was sent on. It waits as long as reads and writes of c do, and ends with
// ctx.
//
// The server's answer is one byte, and no more than that is read in the clear: what else an attacker puts
// behind it is taken for TLS, and fails as such (CVE-2021-23222). No other words of the server are believed, or
// repeated, before TLS (CVE-2024-10977).
func (s *secrecy) open(ctx context.Context, c net.Conn) (net.Conn, error) {
	if s == nil {
		return c, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if !s.direct {
		if err := ask(c); err != nil {
			return nil, unsecured{err}
		}
	}
	secured := tls.Client(lasting{c}, s.config)
	if err := secured.Handshake(); err != nil {
		if s.checked {
			return nil, unsecured{err}
		}
		return nil, err
	}
	return secured, nil
}

func ask(c net.Conn) error {
	if _, err := c.Write(askForTLS); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return err
	}
	if answer[0] != 'S' {
		return pq.ErrSSLNotSupported
	}
	return nil
}

// lasting keeps the deadline that its connection has: crypto/tls would give itself five seconds for its last words to a
// server that reads none.
type lasting struct{ net.Conn }

// SetWriteDeadline leaves the deadline as it is. What follows contexts here sets both deadlines at once.
func (lasting) SetWriteDeadline(time.Time) error { return nil }
