package pgconn_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"deputy/internal/pgconn"
	"deputy/internal/testkit/throwaway"
)

var sslRequest = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// eavesdropper carries connections to a cluster, and keeps what clients send.
type eavesdropper struct {
	address string

	mu    sync.Mutex
	heard []*bytes.Buffer // by connection
}

func eavesdrop(t *testing.T, on string) *eavesdropper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := &eavesdropper{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", on)
			if err != nil {
				client.Close()
				continue
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			kept := &bytes.Buffer{}
			e.mu.Lock()
			e.heard = append(e.heard, kept)
			e.mu.Unlock()
			go func() {
				defer server.Close()
				buffer := make([]byte, 4096)
				for {
					n, err := client.Read(buffer)
					e.mu.Lock()
					kept.Write(buffer[:n])
					e.mu.Unlock()
					if _, failed := server.Write(buffer[:n]); err != nil || failed != nil {
						return
					}
				}
			}()
			go func() {
				defer client.Close()
				io.Copy(client, server)
			}()
		}
	}()
	return e
}

// connections returns how many there were, and fails the test for each that says a word in the clear.
func (e *eavesdropper) connections(t *testing.T) int {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	const handshake = 0x16
	for _, kept := range e.heard {
		if said := kept.Bytes(); len(said) > len(sslRequest) &&
			(!bytes.HasPrefix(said, sslRequest) || said[len(sslRequest)] != handshake) {
			t.Errorf("in the clear: %q", said[:min(len(said), 60)])
		}
	}
	return len(e.heard)
}

// Where TLS is asked for, neither a name nor a password nor the request to cancel is ever sent in the clear, and a
// statement is cancelled nevertheless.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	s := securedCluster(t)
	e := eavesdrop(t, s.address)
	host, port, _ := net.SplitHostPort(e.address)
	dsn := fmt.Sprintf("host=db.test hostaddr=%s port=%s user=secret dbname=postgres password='pa55 word' "+
		"sslmode=verify-full sslrootcert=%s/ca.pem", host, port, s.dir)
	db, err := pgconn.Open(pgconn.Config{DSN: dsn, MaxOpen: 1, Grace: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, "SELECT pg_sleep(600)")
	var said *pq.Error
	if !errors.As(err, &said) || said.Code != "57014" {
		t.Errorf("a statement that is cancelled ends with %v", err)
	}
	if n := e.connections(t); n != 2 {
		t.Errorf("%d connections, and not one and its cancellation", n)
	}
}

// pretend is a server that answers a request for TLS with these bytes, and takes what comes then.
func pretend(t *testing.T, answer []byte) (address string, heard func() []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var kept bytes.Buffer
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				request := make([]byte, len(sslRequest))
				if _, err := io.ReadFull(c, request); err != nil {
					return
				}
				c.Write(answer)
				rest := make([]byte, 4096)
				for {
					n, err := c.Read(rest)
					mu.Lock()
					kept.Write(rest[:n])
					mu.Unlock()
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(kept.Bytes())
	}
}

func openAt(t *testing.T, address, rest string) *sql.DB {
	t.Helper()
	host, port, _ := net.SplitHostPort(address)
	db, err := pgconn.Open(
		pgconn.Config{DSN: fmt.Sprintf("host=%s port=%s user=u password=pa55word dbname=d ", host, port) + rest},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Bytes that an attacker puts behind the server's answer are not taken for the server's words (CVE-2021-23222),
// and the words of a server in place of an answer are not repeated (CVE-2024-10977).
func TestStuffedAnswers(t *testing.T) {
	t.Parallel()
	signedIn := string([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'})
	for answer, want := range map[string]error{
		"S" + signedIn:                         nil,
		"S" + strings.Repeat(signedIn, 900):    nil,
		"N" + signedIn:                         pq.ErrSSLNotSupported,
		"ESERROR\x00Mcall this number\x00\x00": pq.ErrSSLNotSupported,
	} {
		address, heard := pretend(t, []byte(answer))
		err := openAt(t, address, "sslmode=require").PingContext(t.Context())
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%.20q: %v", answer, err)
		}
		if err != nil && strings.Contains(err.Error(), "number") {
			t.Errorf("the words of a server that was not verified: %v", err)
		}
		if said := heard(); bytes.Contains(said, []byte("user")) || bytes.Contains(said, []byte("pa55word")) {
			t.Errorf("%.20q: in the clear: %q", answer, said)
		}
	}
}

// A server that goes silent in the middle of TLS is waited for as long as the context lasts, or the limit for
// connecting.
func TestSilentInTLS(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"", "S"} {
		for _, rest := range []string{"sslmode=require connect_timeout=1", "sslmode=require"} {
			address, _ := pretend(t, []byte(answer))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			err := soon(t, "connecting", func() error { return openAt(t, address, rest).PingContext(ctx) })
			if !errors.Is(err, pgconn.ErrSilent) {
				t.Errorf("%q, then silence, %s: %v", answer, rest, err)
			}
		}
	}
}

// The length of a message is judged before lib/pq makes room for it, under TLS as in the clear.
func TestMeterUnderTLS(t *testing.T) {
	t.Parallel()
	s := securedCluster(t)
	db, err := pgconn.Open(pgconn.Config{DSN: s.dsn("tls_only", "sslmode=require"), MaxOpen: 1, MaxAnswer: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heavy := errors.New("too heavy")
	var asked []int
	err = c.Raw(func(raw any) error {
		raw.(*pgconn.Conn).Weigh(func(n int) error {
			if asked = append(asked, n); n > 1<<20 {
				return heavy
			}
			return nil
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var length int
	if err := c.QueryRowContext(t.Context(), "SELECT length(repeat('x', 100000))").Scan(&length); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := c.QueryRowContext(t.Context(), "SELECT repeat('x', 100000)").
		Scan(&text); err != nil ||
		len(text) != 100_000 {
		t.Errorf("%d characters: %v", len(text), err)
	}
	err = c.QueryRowContext(t.Context(), "SELECT repeat('x', 60000000)").Scan(&text)
	if !errors.Is(err, heavy) {
		t.Errorf("a message of 60 MB: %v", err)
	}
	if len(asked) != 2 || asked[1] < 60_000_000 {
		t.Errorf("asked about %v", asked)
	}
	// what arrived behind the header is not taken for another message
	if err := c.Raw(func(raw any) error { return raw.(*pgconn.Conn).Ping(t.Context()) }); err == nil {
		t.Error("the connection goes on")
	}
}

// A pooled connection that the database has ended is replaced before a statement is sent on it.
func TestEndedWhileIdle(t *testing.T) {
	t.Parallel()
	s := securedCluster(t)
	db, err := pgconn.Open(pgconn.Config{DSN: s.dsn("tls_only", "sslmode=require"), MaxOpen: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var before, after int
	if err := db.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&before); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(
		throwaway.Superuser,
		"postgres",
		fmt.Sprintf("SELECT pg_terminate_backend(%d, 30000)", before),
	); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&after); err != nil || after == before {
		t.Errorf("the next statement runs in %d, after %d: %v", after, before, err)
	}
}
