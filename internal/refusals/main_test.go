package refusals

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp"
	"deputy/mcp/client"
	"deputy/mcp/httpd"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
	"deputy/vending/sqlite"
)

var cluster = throwaway.NewShared()

func TestMain(m *testing.M) { throwaway.Main(m) }

const signingKey = "0123456789abcdef0123456789abcdef"

// data is what the model asks about. %[1]s stands for an enum, which SQLite has not.
const data = `
CREATE TABLE orders (
  id integer PRIMARY KEY, city text, "firstName" text, email text, salary integer, status %[1]s, day date);
INSERT INTO orders VALUES
  (1, 'Lyon', 'Ada', 'ada@example.com', 731942, 'open', '2026-11-30'),
  (2, 'Graz', 'Ben', 'ben@example.com', 648213, 'shut', '2026-11-29');
CREATE TABLE customers (id integer PRIMARY KEY, city text, name text);
INSERT INTO customers VALUES (1, 'Lyon', 'Cy'), (2, 'Oslo', 'Di');
CREATE TABLE payroll (salary integer);
CREATE TABLE bonus (amount integer);
CREATE TABLE ledger (amount integer);
CREATE TABLE board (amount integer);
CREATE TABLE cities (city text);
CREATE TABLE "Lead" (id integer);
CREATE TABLE hidden (secretive integer);
`

const policies = `
- {name: all read orders, grant: [shop.orders, shop.customers, shop.Lead], to: everyone}
- {name: hide personal data, mask: [tag:PII], with: {constant: REDACTED}, except: group:Privacy}
- {name: hide salaries, mask: [shop.orders.salary], with: hash, except: group:Privacy}
- {name: sellers see Lyon, filter: [shop.customers], where: city = 'Lyon', for: everyone}
`

const rules = `
- {name: payroll is for stewards, about: [shop.payroll], approvers: group:Stewards, at_most: 30d}
- {name: personal data, about: [tag:PII], approvers: group:Stewards, at_most: 30d}
- {name: the board is for nobody, about: [shop.board], approvers: group:Stewards, deny: {when: everyone}}
- {name: the ledger needs a ticket, about: [shop.ledger], approvers: group:Stewards,
   questions: [{name: ticket, ask: The number of the ticket}]}
`

// shop is a platform's database.
type shop struct {
	vending.Engine
	database string // of PostgreSQL's
	path     string // of the file
}

var databases atomic.Int64

func newPostgres(t *testing.T) *shop {
	t.Helper()
	name := fmt.Sprintf("shop%d", databases.Add(1))
	exec(t, "postgres", "CREATE DATABASE "+name)
	exec(t, name, "CREATE SCHEMA shop; SET search_path = shop; CREATE TYPE status AS ENUM ('open', 'shut');"+
		fmt.Sprintf(data, "status"))
	admin, err := cluster.Open(throwaway.Superuser, name)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	order := setup.Order{Schemas: []string{"shop"}, SigningKey: signingKey}
	if err := setup.Bootstrap(t.Context(), admin, order); err != nil {
		t.Fatal(err)
	}
	e, err := postgres.Open(postgres.Config{
		DSN: cluster.DSN("deputy_runner", name), Schemas: []string{"shop"}, SigningKey: signingKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &shop{Engine: e, database: name}
}

func exec(t *testing.T, database, statement string) {
	t.Helper()
	if err := cluster.Exec(throwaway.Superuser, database, statement); err != nil {
		t.Fatal(err)
	}
}

func newSQLite(t *testing.T) *shop {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec(fmt.Sprintf(data, "text")), db.Close()); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &shop{Engine: e, path: path}
}

// world is a server over databases, and a model that calls it.
type world struct {
	*tools.Tools
	log   *recorder
	state requests.Store
	model *client.Client
}

// newWorld serves the databases by the name of their platform; change is done to what the tools are made of.
func newWorld(t *testing.T, engines map[string]vending.Engine, change ...func(*tools.Config)) *world {
	t.Helper()
	w := &world{log: &recorder{}}
	kept, err := store.Open(t.Context(), store.Config{File: filepath.Join(t.TempDir(), "state.db"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	w.state = kept
	c := tools.Config{
		Audit: w.log, Log: zerolog.Nop(), Requests: w.state, Pending: 14 * 24 * time.Hour, Again: 24 * time.Hour,
		Limits:   tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: time.Minute, Concurrency: 4},
		Purposes: map[string]string{"support": "to answer a customer"},
	}
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		p := platforms.Config{Name: name, Engine: engines[name], Discoverable: entitlements.Selectors{
			"shop.payroll", "shop.bonus", "shop.ledger", "shop.board",
		}}
		if err := errors.Join(
			form.Fragment("tags", "PII: [shop.orders.email]", &p.Tags),
			form.Fragment("policies", policies, &p.Policies), form.Fragment("requests.rules", rules, &p.Rules),
		); err != nil {
			t.Fatal(err)
		}
		c.Platforms = append(c.Platforms, p)
	}
	for _, f := range change {
		f(&c)
	}
	if w.Tools, err = tools.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.connect(t)
	return w
}

// connect has a model speak to the tools as a host does, over HTTP.
func (w *world) connect(t *testing.T) {
	t.Helper()
	handler, err := httpd.New(httpd.Config{
		Config:    mcp.Config{Generations: mcp.Fixed(w.Tools, taylor{}), Logger: zerolog.Nop()},
		PublicURL: "https://deputy.example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	if w.model, err = client.HTTP(t.Context(), server.URL+"/mcp", "a-token", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.model.Close() })
}

// taylor is who every credential is of.
type taylor struct{}

func (taylor) Authenticate(context.Context, identity.Credentials) (identity.Principal, error) {
	return principal(), nil
}

func principal() identity.Principal {
	return identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "assistant"}},
		User: &identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: "taylor", Groups: []string{"Marketing"}},
			Issuer:   "https://issuer.test", Subject: "taylor",
		},
	}
}

func call() tools.Call { return tools.Call{Client: "192.0.2.1", Principal: principal()} }

// recorder keeps nothing, and fails when it is told to.
type recorder struct{ full atomic.Bool }

func (r *recorder) Append(context.Context, audit.Record) error {
	if r.full.Load() {
		return errors.New("no space left")
	}
	return nil
}

// saidOf is what a call has told the model.
func saidOf(notices []string, err error) said {
	var refusal *tools.Refusal
	switch {
	case errors.As(err, &refusal):
		return said{string(refusal.Code), refusal.Message, refusal.Hint}
	case err != nil:
		return said{"no refusal", err.Error(), ""}
	}
	return said{"answered", strings.Join(notices, "; "), ""}
}
