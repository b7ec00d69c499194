package pgconn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"deputy/internal/pgconn"
	"deputy/internal/testkit/throwaway"
)

// listen is a host that accepts connections and says nothing.
func listen(t *testing.T) (dsn string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return fmt.Sprintf("host=127.0.0.1 port=%s user=deputy dbname=deputy sslmode=disable", port)
}

// A database that takes the connection and then says nothing is waited for as long as the context lasts.
func TestSilentWhileConnecting(t *testing.T) {
	t.Parallel()
	db, err := pgconn.Open(pgconn.Config{DSN: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); !errors.Is(err, pgconn.ErrSilent) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent database: %v", err)
	}
}

// Without a deadline the limit for connecting holds, and names the same cause.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	db, err := pgconn.Open(pgconn.Config{DSN: listen(t) + " connect_timeout=1"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PingContext(context.Background()); !errors.Is(err, pgconn.ErrSilent) {
		t.Errorf("a silent database: %v", err)
	}
}

// Where a dsn names several hosts, those that are silent leave time for the one that answers.
func TestSilentHostsBeforeAnother(t *testing.T) {
	t.Parallel()
	var hosts, ports string
	for range 3 {
		var port int
		fmt.Sscanf(listen(t), "host=127.0.0.1 port=%d", &port)
		hosts, ports = hosts+"127.0.0.1,", ports+fmt.Sprint(port)+","
	}
	db, err := pgconn.Open(pgconn.Config{DSN: fmt.Sprintf(
		"host=%s127.0.0.1 port=%s%s user=%s dbname=postgres sslmode=disable",
		hosts, ports, newNetwork(t).port, throwaway.Superuser,
	)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 5 { // on a slow machine the one that answers may be late, too
		ctx, cancel := context.WithTimeout(context.Background(), 14*time.Second)
		err = db.PingContext(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Errorf("the host that answers is not reached: %v", err)
}
