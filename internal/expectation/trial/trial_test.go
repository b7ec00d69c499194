package trial_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/internal/expectation"
	"deputy/internal/expectation/trial"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
	"deputy/vending/sqlite"
)

const policies = `
- {name: everybody reads orders, grant: [sales.orders], to: everyone}
- {name: hide names, mask: [sales.orders.lastname], with: {constant: REDACTED}}
- {name: hide what is hidden, mask: [sales.orders.note], with: {constant: REDACTED}}
`

// careless is an engine that does something else with columns than it is told.
type careless struct {
	vending.Engine
	change func(*entitlements.ColumnAccess)
}

func (e careless) Run(ctx context.Context, l vending.Lease) (vending.Result, error) {
	for _, a := range l.Access {
		for i := range a.Columns {
			if strings.HasPrefix(a.Columns[i].As, "shown") {
				e.change(&a.Columns[i])
			}
		}
	}
	return e.Engine.Run(ctx, l)
}

type recorder struct{ failure error }

func (r recorder) Append(context.Context, audit.Record) error { return r.failure }

func bench(t *testing.T, change func(*entitlements.ColumnAccess), failure error) *trial.Bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(path)
	if err == nil {
		err = db.Exec(
			`CREATE TABLE orders (lastname text, note text, region text); INSERT INTO orders VALUES ('Okafor', 'REDACTED', 'EU'), (NULL, NULL, 'US')`,
		)
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	engine, err := sqlite.Open(sqlite.Config{Path: path, Schema: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	shop := platforms.Config{Name: "shop", Engine: careless{engine, change}}
	if err := form.Fragment("policies", policies, &shop.Policies); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(
		t.Context(),
		tools.Config{Platforms: []platforms.Config{shop}, Audit: recorder{failure}, Log: zerolog.Nop(),
			Limits: tools.Limits{MaxRows: 1, MaxBytes: 1 << 10, Timeout: time.Minute, Concurrency: 1}},
	)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := engine.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	registry, err := identity.NewRegistry([]identity.AgentConfig{{Name: "chat", ClientIDs: []string{"chat"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &trial.Bench{
		Tools:    made,
		Catalogs: map[string]*entitlements.Catalog{"shop": catalog},
		Agents:   registry.Agents(),
	}
}

func run(t *testing.T, b *trial.Bench, sentence string) trial.Result {
	t.Helper()
	test, err := expectation.Parse(sentence)
	if err != nil {
		t.Fatal(err)
	}
	results := b.Run(t.Context(), test, func(string) bool { return true })
	if len(results) != 1 {
		t.Fatalf("%s has %d results", sentence, len(results))
	}
	return results[0]
}

// A decision alone proves nothing: what the database shows has to agree with it.
func TestTheDataHasTheLastWord(t *testing.T) {
	asTold := func(*entitlements.ColumnAccess) {}
	unmasked := func(c *entitlements.ColumnAccess) { c.Masks = nil }
	masked := func(c *entitlements.ColumnAccess) {
		c.Masks = []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: entitlements.MaskNull}}}
	}
	for _, c := range []struct {
		name, sentence string
		change         func(*entitlements.ColumnAccess)
		failure        error
		ok             bool
		found          string
	}{
		// the constant hides that there is none
		{"a mask", "taylor via chat: orders.lastname is masked", asTold, nil, true, "masked with constant: hidden in 2 of 2 rows"},
		{"a mask that the engine forgets", "taylor via chat: orders.lastname is masked", unmasked, nil, false, "masked with constant: hidden in 0 of 2 rows: each is what the mask makes of it"},
		{"a mask that changes nothing", "taylor via chat: orders.note is masked", unmasked, nil, false, "masked with constant: hidden in 0 of 2 rows: each is what the mask makes of it"},
		{"a clear column", "taylor via chat: orders.region is clear", asTold, nil, true, "clear: hidden in 0 of 2 rows"},
		{"a clear column that the engine masks", "taylor via chat: orders.region is clear", masked, nil, false, "clear: hidden in 2 of 2 rows, though no policy masks them"},
		{"no record", "taylor via chat: orders is open", asTold, errors.New("the disk is full"), false, "unavailable: the audit log cannot be written, so nothing is answered: try again later"},
	} {
		if got := run(t, bench(t, c.change, c.failure), c.sentence); got.OK != c.ok || got.Found != c.found {
			t.Errorf("%s: %v, %q\nand not %v, %q", c.name, got.OK, got.Found, c.ok, c.found)
		}
	}
}

func TestATableHasToBeThereOnce(t *testing.T) {
	b := bench(t, func(*entitlements.ColumnAccess) {}, nil)
	b.Catalogs["copy"] = b.Catalogs["shop"]
	for sentence, found := range map[string]string{
		"taylor via chat: ordres is denied":       "there is no table ordres",
		"taylor via chat: hr.orders is denied":    "there is no table hr.orders",
		"taylor via chat: orders is open":         "several tables are called that: say which of sales.orders on copy, sales.orders on shop",
		"taylor via chat on shop: orders is open": "open via both",
	} {
		if got := run(t, b, sentence); got.Found != found {
			t.Errorf("%s: %q, and not %q", sentence, got.Found, found)
		}
	}
}
