package tools_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"
	"go.yaml.in/yaml/v4"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/throwaway"
	"deputy/tools"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/sqlite"
)

var cluster *throwaway.Cluster

func TestMain(m *testing.M) {
	c, err := throwaway.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cluster = c
	code := m.Run()
	c.Stop()
	os.Exit(code)
}

// The data: what Taylor may read, what may be asked for, and what nobody may know of. The table named absent is not there.
var seed = []string{
	`CREATE TABLE %scustomer_orders (lastname text, region text, order_total numeric(10,2))`,
	`INSERT INTO %scustomer_orders VALUES ('Lindqvist', 'US-EAST', 89.00), ('Okafor', 'US-WEST', 117.00)`,
	`CREATE TABLE %spayroll (lastname text, salary integer)`,
	`INSERT INTO %spayroll VALUES ('Lindqvist', 731942)`,
	`CREATE TABLE %shidden (lastname text, salary integer)`,
	`INSERT INTO %shidden VALUES ('Okafor', 648213)`,
}

const policies = `
- name: marketing reads orders
  grant: [sales.customer_orders]
  to: group:Marketing
- name: hide personal data
  mask: [tag:PII]
  with: {constant: REDACTED}
  except: group:Privacy
- name: sellers see their own region
  filter: [sales.customer_orders]
  where: region = any(:attribute.region)
  for: group:Sellers
`

const tags = `PII: [sales.customer_orders.lastname]`

// onBothEngines runs the test over the same data in a file and in a PostgreSQL database.
func onBothEngines(t *testing.T, test func(*testing.T, vending.Engine)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}

func onSQLite(t testing.TB) vending.Engine { return newSQLite(t).open(t) }

func onPostgres(t testing.TB) vending.Engine { return newPostgres(t).open(t) }

// database is one that a test can change. A statement has %s where the name of a table begins.
type database struct {
	exec func(t testing.TB, statement string)
	open func(t testing.TB) vending.Engine // one that has not looked yet

	ahead *atomic.Int64 // hours that the engines' clocks are
}

func clock(ahead *atomic.Int64) func() time.Time {
	return func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Hour) }
}

func onBothDatabases(t *testing.T, test func(*testing.T, database)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newPostgres(t)) })
}

func newSQLite(t testing.TB) database {
	t.Helper()
	path, ahead := filepath.Join(t.TempDir(), "shop.db"), new(atomic.Int64)
	d := database{
		ahead: ahead,
		exec: func(t testing.TB, statement string) {
			t.Helper()
			db, err := sqlite3.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Exec(qualified(statement, "")); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		},
		open: func(t testing.TB) vending.Engine {
			t.Helper()
			e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "sales", Now: clock(ahead)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			return e
		},
	}
	d.fill(t)
	return d
}

var databases atomic.Int64

const signingKey = "0123456789abcdef0123456789abcdef"

func newPostgres(t testing.TB) database {
	t.Helper()
	name := fmt.Sprintf("tools%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name)
	exec(t, name, "CREATE SCHEMA sales")
	ahead := new(atomic.Int64)
	d := database{
		ahead: ahead,
		exec: func(t testing.TB, statement string) {
			t.Helper()
			exec(t, name, qualified(statement, "sales."))
		},
		open: func(t testing.TB) vending.Engine {
			t.Helper()
			admin, err := cluster.Open(throwaway.Superuser, name)
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			if err := postgres.Bootstrap(t.Context(), admin, postgres.Setup{Schemas: []string{"sales"}, SigningKey: signingKey}); err != nil {
				t.Fatal(err)
			}
			e, err := postgres.Open(postgres.Config{DSN: cluster.DSN("deputy_runner", name), Schemas: []string{"sales"}, SigningKey: signingKey, Now: clock(ahead)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			return e
		},
	}
	d.fill(t)
	return d
}

func (d database) fill(t testing.TB) {
	t.Helper()
	for _, s := range seed {
		d.exec(t, s)
	}
}

func qualified(statement, qualifier string) string {
	return strings.ReplaceAll(statement, "%s", qualifier)
}

func exec(t testing.TB, database, statement string) {
	t.Helper()
	db, err := cluster.Open(throwaway.Superuser, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// memory is a recorder that keeps records where a test can look at them, and fails when it is told to.
type memory struct {
	mu      sync.Mutex
	records []audit.Record
	failure error
}

func (m *memory) Append(_ context.Context, r audit.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	m.records = append(m.records, r)
	return nil
}

func (m *memory) last(t *testing.T) audit.Record {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records) == 0 {
		t.Fatal("nothing is on the record")
	}
	return m.records[len(m.records)-1]
}

// newTools makes tools over an engine; more is YAML of further policies.
func newTools(t testing.TB, e vending.Engine, more string) (*tools.Tools, *memory) {
	t.Helper()
	log := &memory{}
	made, err := tools.New(t.Context(), toolsConfig(t, e, log, more))
	if err != nil {
		t.Fatal(err)
	}
	return made, log
}

func toolsConfig(t testing.TB, e vending.Engine, log tools.Recorder, more string) tools.Config {
	t.Helper()
	p := tools.PlatformConfig{Name: "shop", Engine: e, Discoverable: entitlements.Selectors{"sales.payroll"}}
	if err := yaml.Unmarshal([]byte(policies+more), &p.Policies); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(tags), &p.Tags); err != nil {
		t.Fatal(err)
	}
	return tools.Config{
		Platforms: []tools.PlatformConfig{p}, Audit: log, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	}
}

// as is a call of the marketing agent for somebody in these groups.
func as(user string, groups ...string) tools.Call {
	return tools.Call{Client: "192.0.2.1", Principal: identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "marketing-agent", Groups: []string{"Agents"}}},
		User:  &identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: user, Groups: groups}, Issuer: "https://issuer.test", Subject: user},
	}}
}

func refusal(t *testing.T, err error) *tools.Refusal {
	t.Helper()
	var r *tools.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("the call ended with %v, not with a refusal", err)
	}
	return r
}

func rows(r *tools.QueryResult) string {
	var out []string
	for _, row := range r.Rows {
		out = append(out, strings.Trim(fmt.Sprint(row), "[]"))
	}
	return strings.Join(out, "; ")
}
