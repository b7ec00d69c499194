package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/internal/testkit/throwaway"
)

// cluster is one real PostgreSQL for all tests of the package; and a database that each test finds empty.
var cluster = throwaway.NewShared(func(c *throwaway.Cluster) error {
	return c.Exec(throwaway.Superuser, "postgres", `CREATE ROLE keeper LOGIN`)
})

func TestMain(m *testing.M) {
	if os.Getenv(killedAt) != "" {
		work()
		return
	}
	throwaway.Main(m)
}

// exec is for the superuser.
func exec(database, statement string) {
	if err := cluster.Exec(throwaway.Superuser, database, statement); err != nil {
		panic(err)
	}
}

var databases atomic.Int64

// newDatabase makes an empty database in which keeper, who is no superuser, may make a schema.
func newDatabase() string {
	name := fmt.Sprintf("state%d", databases.Add(1))
	exec("postgres", "CREATE DATABASE "+name)
	exec("postgres", "GRANT CREATE ON DATABASE "+name+" TO keeper")
	return name
}

// onBoth runs a test on SQLite and on PostgreSQL, each with a state that is set up.
func onBoth(t *testing.T, test func(t *testing.T, c store.Config)) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) { test(t, newConfig(t, engine)) })
	}
}

func newConfig(t testing.TB, engine string) store.Config {
	t.Helper()
	if engine == "SQLite" {
		return store.Config{File: filepath.Join(t.TempDir(), "state.db")}
	}
	c := store.Config{DSN: cluster.DSN("keeper", shared())}
	if _, err := store.Migrate(t.Context(), c, func(store.Migration) {}); err != nil {
		t.Fatal(err)
	}
	empty := open(t, c)
	for _, statement := range []string{
		"DELETE FROM deputy_state.requests", "DELETE FROM deputy_state.events", "DELETE FROM deputy_state.webhooks",
		"UPDATE deputy_state.counter SET sequence = 0, event = ''",
	} {
		if err := empty.Raw(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// shared is a database for one test after the other: making one takes longer than most tests.
var shared = sync.OnceValue(newDatabase)

func open(t testing.TB, c store.Config) *store.State {
	t.Helper()
	s, err := store.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// noon is when everything begins.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 123456789, time.UTC)

// The people: Taylor asks, Sam, Kim and Ola are stewards.
func user(name string) identity.User {
	return identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: name, Groups: []string{"Stewards", name}},
		Issuer:   "https://issuer.example", Subject: "sub-" + name, Name: name, Email: name + "@example.com",
	}
}

func asker(name string) requests.Asker {
	p := user(name).Person()
	return requests.Asker{
		Agent:      "sales-assistant",
		Owner:      "ola",
		User:       &p,
		Groups:     []string{"Sales"},
		Attributes: map[string][]string{"region": {"EU"}},
	}
}

func request(id string) requests.Request {
	return requests.Request{
		ID:       id,
		Asker:    asker("taylor"),
		Platform: "shop",
		Table:    entitlements.TableName{Schema: "sales", Name: "orders"},
		Columns:  []string{"email", "lastname"},
		Reason:   "a customer <called> & \x00 wants it",
		Answers:  map[string]string{"ticket": "T-1"},
		Wanted:   requests.Duration(time.Hour),
		Created:  noon,
		Lapses:   noon.Add(14 * 24 * time.Hour),
		Status:   requests.StatusPending,
	}
}

// needs is what so many stewards have to agree to.
func needs(t testing.TB, people int) requests.Requirement {
	if t != nil {
		t.Helper()
	}
	m, err := entitlements.Match("group:Stewards")
	if err != nil {
		panic(err)
	}
	return requests.Requirement{
		Rules: []string{"orders"}, AtMost: 8 * time.Hour,
		Stages: []requests.Stage{{Rule: "orders", Number: 1, Approvers: []*entitlements.Matcher{m}, Need: people}},
	}
}

func step(id, by string, now time.Time) requests.Step {
	return requests.Step{ID: id, By: user(by), Now: now}
}

func mustMake(t testing.TB, s *store.State, r requests.Request) requests.Request {
	t.Helper()
	kept, made, err := s.Make(t.Context(), r, r.Created.Add(-24*time.Hour))
	if err != nil || !made {
		t.Fatalf("request %s: made %v, %v", r.ID, made, err)
	}
	return kept
}

func approve(t testing.TB, s *store.State, id, by string, now time.Time) requests.Request {
	t.Helper()
	r, err := s.Step(t.Context(), id, func(r requests.Request) (requests.Request, error) {
		return r.Approve(needs(t, 1), step("audit-"+id, by, now))
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// happened are the kinds of all events, with the request of each, in their order.
func happened(t testing.TB, s *store.State) (out []string) {
	t.Helper()
	if err := s.Ask(
		t.Context(),
		&out,
		`SELECT request || ' ' || kind FROM deputy_state.events ORDER BY sequence`,
	); err != nil {
		t.Fatal(err)
	}
	return out
}
