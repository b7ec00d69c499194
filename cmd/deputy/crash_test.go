package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/client"
)

// slow is allowed by the gate and runs for longer than any test.
const slow = `SELECT count(*) FROM sales.customer_orders, generate_series(1, 100000000000) AS g`

func TestWhileAQueryRunsNobodySeesItsRoleAndAKilledServerLeavesNothing(t *testing.T) {
	s := stage(t, config.Postgres)
	address := serving.Address(t)
	server := process(
		t,
		s,
		[]string{"DEMO_AUDIT=" + filepath.Join(t.TempDir(), "audit.jsonl")},
		"serve",
		"--listen",
		address,
	)
	server.Env = append(server.Env, "DEMO_LISTEN="+address)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	url := "http://" + address + "/mcp"
	c := awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url))
	ended := make(chan error, 1)
	go func() {
		_, err := c.Query(t.Context(), map[string]any{"sql": slow})
		ended <- err
	}()

	admin, err := s.Cluster().Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const running = `SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^deputy_' AND query LIKE '%SELECT count(%' AND state = 'active'`
	await(t, admin, running, 1)
	assertNothing(t, admin, "while the query runs")
	server.Process.Kill() // SIGKILL: no instruction of ours runs any more
	if err := <-ended; err == nil {
		t.Error("the call was answered by a server that is dead")
	}
	await(t, admin, `SELECT count(*) FROM pg_stat_activity WHERE usename = 'deputy_runner' AND state <> 'idle'`, 0)
	assertNothing(t, admin, "after the server was killed")
}

func assertNothing(t *testing.T, admin *sql.DB, when string) {
	t.Helper()
	for what, query := range map[string]string{
		"roles": `SELECT count(*) FROM pg_roles WHERE rolname ~ '^deputy_[0-9a-z]{8,}'`,
		"views": `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^deputy_[0-9a-z]{8,}'`,
	} {
		var n int
		if err := admin.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("%s, another session sees %d vended %s", when, n, what)
		}
	}
}

// await returns when the query gives n. It gives up after half a minute.
func await(t *testing.T, db *sql.DB, query string, n int) {
	t.Helper()
	got := -1
	for range 12_000 {
		if err := db.QueryRow(query).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s gives %d, and never gave %d", query, got, n)
}

// awaited connects to a server of its own process, once it listens.
func awaited(t *testing.T, url, bearer, userToken string) *client.Client {
	t.Helper()
	var last error
	for range 12_000 {
		c, err := client.HTTP(t.Context(), url, bearer, userToken)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return c
		}
		last = err
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the server at %s never answered: %v", url, last)
	return nil
}
