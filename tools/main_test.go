package tools_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/internal/testkit/throwaway"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
	"deputy/vending/sqlite"
)

var cluster = throwaway.NewShared()

func TestMain(m *testing.M) { throwaway.Main(m) }

// The data: what Taylor may read, what may be asked for, and what nobody may know of. The table named absent is not
// there.
var seed = []string{
	`CREATE TABLE %scustomer_orders (lastname text, region text, order_total numeric(10,2))`,
	`INSERT INTO %[1]scustomer_orders VALUES ('Lindqvist', 'US-EAST', 89.00), ('Okafor', 'US-WEST', 117.00)`,
	`CREATE TABLE %spayroll (lastname text, salary integer)`,
	`INSERT INTO %[1]spayroll VALUES ('Lindqvist', 731942)`,
	`CREATE TABLE %shidden (lastname text, salary integer)`,
	`INSERT INTO %[1]shidden VALUES ('Okafor', 648213)`,
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

// firstMore is the place of the first policy that a test adds to those above.
const firstMore = 3

const tags = `PII: [sales.customer_orders.lastname]`

// onBothEngines runs the test over the same data in a file and in a PostgreSQL database.
func onBothEngines(t *testing.T, test func(*testing.T, vending.Engine)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}

func onSQLite(t testing.TB) vending.Engine { t.Helper(); return sqliteWith(t, "sales", seeded("")) }

func onPostgres(t testing.TB) vending.Engine {
	t.Helper()
	return postgresWith(t, "sales", seeded("sales."))
}

func seeded(prefix string) string {
	var script strings.Builder
	for _, s := range seed {
		fmt.Fprintf(&script, s+";\n", prefix)
	}
	return script.String()
}

// sqliteWith makes a database by a script that names tables without a schema, and governs it as that schema.
func sqliteWith(t testing.TB, schema, script string) vending.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), schema+".db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(sqlite.Config{Path: path, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

var databases atomic.Int64

const signingKey = "0123456789abcdef0123456789abcdef"

// postgresWith does the same in a database of its own; names without a schema are in the governed one.
func postgresWith(t testing.TB, schema, script string) vending.Engine {
	t.Helper()
	return openPostgres(t, newPostgres(t, schema, script), schema)
}

// newPostgres makes the database, set up as an administrator would.
func newPostgres(t testing.TB, schema, script string) (name string) {
	t.Helper()
	name = fmt.Sprintf("tools%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name)
	exec(t, name, "CREATE SCHEMA "+schema+"; SET search_path = "+schema+";"+script)
	admin, err := cluster.Open(throwaway.Superuser, name)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	order := setup.Order{Schemas: []string{schema}, SigningKey: signingKey}
	if err := setup.Bootstrap(t.Context(), admin, order); err != nil {
		t.Fatal(err)
	}
	return name
}

func openPostgres(t testing.TB, database, schema string, change ...func(*postgres.Config)) vending.Engine {
	t.Helper()
	c := postgres.Config{DSN: cluster.DSN("deputy_runner", database), Schemas: []string{schema}, SigningKey: signingKey}
	for _, f := range change {
		f(&c)
	}
	e, err := postgres.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func exec(t testing.TB, database, statement string) {
	t.Helper()
	if err := cluster.Exec(throwaway.Superuser, database, statement); err != nil {
		t.Fatal(err)
	}
}

// memory is a recorder that keeps records where a test can look at them, and fails when it is told to.
type memory struct {
	mu      sync.Mutex
	records []audit.Record
	failure error
}

func (m *memory) Append(_ context.Context, r audit.Record) error {
	if err := published(r); err != nil {
		panic(err)
	}
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
	p := platforms.Config{Name: "shop", Engine: e, Discoverable: entitlements.Selectors{"sales.payroll"}}
	if err := form.Fragment("policies", policies+more, &p.Policies); err != nil {
		t.Fatal(err)
	}
	if err := form.Fragment("tags", tags, &p.Tags); err != nil {
		t.Fatal(err)
	}
	return tools.Config{
		Platforms: []platforms.Config{
			p,
		}, Audit: log, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	}
}

// as is a call of the marketing agent for somebody in these groups.
func as(user string, groups ...string) tools.Call {
	return tools.Call{Client: "192.0.2.1", Principal: identity.Principal{
		Agent: identity.Agent{
			Identity: identity.Identity{Kind: identity.KindAgent, ID: "marketing-agent", Groups: []string{"Agents"}},
		},
		User: &identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: user, Groups: groups},
			Issuer:   "https://issuer.test",
			Subject:  user,
		},
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
