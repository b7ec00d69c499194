package pgconn_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"deputy/internal/pgconn"
	"deputy/internal/testkit/throwaway"
)

var cluster = throwaway.NewShared()

func TestMain(m *testing.M) { throwaway.Main(m) }

// network stands between Deputy and the cluster. It can swallow what is sent, as a firewall does that has forgotten a
// connection: nothing is closed, nothing arrives.
type network struct {
	port string

	mu    sync.Mutex
	links []*link
	all   bool // new connections are swallowed, too
}

type link struct {
	mu       sync.Mutex
	swallows bool
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	c := cluster.Cluster()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	n := &network{}
	_, n.port, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", filepath.Join(c.Dir, ".s.PGSQL.5432"))
			if err != nil {
				client.Close()
				continue
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			n.mu.Lock()
			k := &link{swallows: n.all}
			n.links = append(n.links, k)
			n.mu.Unlock()
			go k.carry(client, server)
			go k.carry(server, client)
		}
	}()
	return n
}

func (k *link) carry(from, to net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		k.mu.Lock()
		swallows := k.swallows
		k.mu.Unlock()
		if swallows {
			io.Copy(io.Discard, from)
			return
		}
		if n > 0 {
			to.Write(buffer[:n])
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// swallow has all connections say nothing any more, those to come as well where it is said.
func (n *network) swallow(all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = all
	for _, k := range n.links {
		k.mu.Lock()
		k.swallows = true
		k.mu.Unlock()
	}
}

func (n *network) open(t *testing.T, c pgconn.Config) *sql.DB {
	t.Helper()
	c.DSN = fmt.Sprintf("host=127.0.0.1 port=%s user=%s dbname=postgres sslmode=disable", n.port, throwaway.Superuser)
	db, err := pgconn.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// soon returns what a step ends with. One that follows no context would never end here.
func soon(t *testing.T, what string, step func() error) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- step() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s is still waited for", what)
		return nil
	}
}

// A pooled connection that the network has forgotten is replaced before a statement is sent on it.
func TestForgottenConnection(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	db := n.open(t, pgconn.Config{MaxOpen: 1, AskAfter: time.Nanosecond})
	n.swallow(false)
	var one int
	err := soon(t, "a query", func() error { return db.QueryRowContext(t.Context(), "SELECT 1").Scan(&one) })
	if err != nil || one != 1 {
		t.Errorf("the query gives %d: %v", one, err)
	}
}

// Each kind of step ends when its context does, or the pool's patience, though even cancelling it reaches nothing.
func TestSwallowedSteps(t *testing.T) {
	t.Parallel()
	steps := map[string]func(context.Context, *sql.Conn, *sql.Stmt) error{
		"exec": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error {
			_, err := c.ExecContext(ctx, "SELECT 1")
			return err
		},
		"query with a value": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error {
			_, err := c.QueryContext(ctx, "SELECT $1::text", "x")
			return err
		},
		"prepare": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error {
			_, err := c.PrepareContext(ctx, "SELECT 1")
			return err
		},
		"begin": func(ctx context.Context, c *sql.Conn, _ *sql.Stmt) error {
			_, err := c.BeginTx(ctx, nil)
			return err
		},
		"exec of what is prepared": func(ctx context.Context, _ *sql.Conn, s *sql.Stmt) error {
			_, err := s.ExecContext(ctx)
			return err
		},
		"query of what is prepared": func(ctx context.Context, _ *sql.Conn, s *sql.Stmt) error {
			_, err := s.QueryContext(ctx)
			return err
		},
	}
	ended := map[string]chan error{}
	for name, step := range steps {
		for _, patience := range []time.Duration{0, 3 * time.Second} {
			n := newNetwork(t)
			c, err := n.open(t, pgconn.Config{MaxOpen: 1, Patience: patience}).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			prepared, err := c.PrepareContext(t.Context(), "SELECT 1")
			if err != nil {
				t.Fatal(err)
			}
			n.swallow(true)
			ctx := context.Background()
			if patience == 0 {
				limited, cancel := context.WithTimeout(ctx, 3*time.Second)
				t.Cleanup(cancel)
				ctx = limited
			}
			end := make(chan error, 1)
			ended[fmt.Sprintf("%s with patience %v", name, patience)] = end
			go func() { end <- step(ctx, c, prepared) }()
		}
	}
	for name, end := range ended {
		if err := soon(t, name, func() error { return <-end }); !errors.Is(err, pgconn.ErrSilent) {
			t.Errorf("%s ends with %v", name, err)
		}
	}
}

// A commit that is swallowed ends with the transaction's context.
func TestSwallowedCommit(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	db := n.open(t, pgconn.Config{MaxOpen: 1, Patience: 5 * time.Second})
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n.swallow(true)
	if err := soon(t, "a commit", tx.Commit); !errors.Is(err, pgconn.ErrSilent) {
		t.Errorf("it ends with %v", err)
	}
}

// A database that is slow is asked to cancel, and says that it did: it is not silent.
func TestSlowIsNotSilent(t *testing.T) {
	t.Parallel()
	db := newNetwork(t).open(t, pgconn.Config{MaxOpen: 1, Grace: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := db.ExecContext(ctx, "SELECT pg_sleep(600)")
	var said *pq.Error
	if !errors.As(err, &said) || said.Code != "57014" {
		t.Errorf("a slow statement ends with %v", err)
	}
}

// When an administrator ends the connection, the error has PostgreSQL's reason, and is still one of a bad connection.
func TestEndedByAdministrator(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	db, other := n.open(t, pgconn.Config{MaxOpen: 1}), n.open(t, pgconn.Config{MaxOpen: 1})
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pid int
	if err := c.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "SELECT pg_terminate_backend($1, 30000)", pid); err != nil {
		t.Fatal(err)
	}
	_, err = c.ExecContext(t.Context(), "SELECT 1")
	var why *pq.Error
	if !errors.Is(err, driver.ErrBadConn) || !errors.As(err, &why) || why.Code != "57P01" {
		t.Errorf("the next statement ends with %v", err)
	}
}
