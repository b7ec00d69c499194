package tools_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
)

// keyed are tables with keys: what Taylor may read, what may be asked for, and what is hidden.
const keyed = `
CREATE TABLE customers (id integer PRIMARY KEY, "lastName" text, region text);
CREATE TABLE secrets (id integer PRIMARY KEY, what text);
CREATE TABLE wages (id integer PRIMARY KEY, amount integer);
CREATE TABLE orders (
  id integer, line integer, customer integer REFERENCES customers (id), secret integer REFERENCES secrets (id),
  wage integer REFERENCES wages (id), note text, PRIMARY KEY (id, line));
INSERT INTO customers VALUES (1, 'Okafor', 'EU'), (2, 'Lindqvist', 'US');
INSERT INTO orders VALUES (1, 1, 1, NULL, NULL, 'x'), (1, 2, 2, NULL, NULL, 'y'), (2, 1, 2, NULL, NULL, 'z');
ANALYZE;
`

const keyedPolicies = `
- {name: orders, grant: [sales.customers, sales.orders], to: group:Marketing}
- {name: names, mask: [sales.customers."lastName"], with: hash, except: group:Privacy}
- {name: regions, filter: [sales.customers], where: region = 'EU', for: group:Sellers}
- {name: notes, mask: [sales.orders.note], with: null, when: line > 1}
`

func keyedTools(t *testing.T, e vending.Engine) *tools.Tools {
	t.Helper()
	p := platforms.Config{Name: "shop", Engine: e, Discoverable: entitlements.Selectors{"sales.wages"}}
	if err := form.Fragment("policies", keyedPolicies, &p.Policies); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Platforms: []platforms.Config{p}, Audit: &memory{}, Log: zerolog.Nop(),
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: 20 * time.Second, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func onBothKeyed(t *testing.T, test func(*testing.T, vending.Engine)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteWith(t, "sales", keyed)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresWith(t, "sales", keyed)) })
}

func described(t *testing.T, made *tools.Tools, who tools.Call, table string) *tools.Description {
	t.Helper()
	d, err := made.DescribeTable(t.Context(), who, tools.DescribeArgs{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Of keys, both ends are known to the caller; of sizes, only that of what they may read in full.
func TestDescribedKeysAndSizes(t *testing.T) {
	onBothKeyed(t, func(t *testing.T, e vending.Engine) {
		made := keyedTools(t, e)
		d := described(t, made, as("taylor", "Marketing"), "orders")
		if !slices.Equal(d.PrimaryKey, []string{"id", "line"}) || d.Kind != "table" {
			t.Errorf("the primary key is %v of a %s", d.PrimaryKey, d.Kind)
		}
		slices.Sort(d.ForeignKeys)
		want := []string{"(customer) references sales.customers (id)", "(wage) references sales.wages (id)"}
		if !slices.Equal(d.ForeignKeys, want) {
			t.Errorf("the foreign keys are %q", d.ForeignKeys)
		}
		if d.Rows == nil || *d.Rows != 3 {
			t.Errorf("the rows are %v", d.Rows)
		}
		if got := fmt.Sprintf("%+v", d); strings.Contains(got, "secrets") {
			t.Errorf("a hidden table is told of: %s", got)
		}
		if n := described(t, made, as("taylor", "Marketing"), "customers").Rows; n == nil || *n != 2 {
			t.Errorf("without a filter the rows are %v", n)
		}
		if n := described(t, made, as("taylor", "Marketing", "Sellers"), "customers").Rows; n != nil {
			t.Errorf("with a filter the rows are told: %d", *n)
		}
		wages := described(t, made, as("taylor", "Marketing"), "wages")
		if wages.Rows != nil || !wages.Requestable {
			t.Errorf("what can be asked for is described as %+v", wages)
		}
		// who may not know of orders' customers is not told of the key
		if d := described(t, made, as("sam"), "wages"); len(d.ForeignKeys) > 0 || fmt.Sprint(d.PrimaryKey) != "[id]" {
			t.Errorf("somebody in no group is told %+v", d)
		}
	})
}

// What a mask leaves to be compared is said with it.
func TestDescribedMasks(t *testing.T) {
	onBothKeyed(t, func(t *testing.T, e vending.Engine) {
		made := keyedTools(t, e)
		d := described(t, made, as("taylor", "Marketing"), "customers")
		name := d.Columns[1]
		if name.Name != e.Dialect().Spell("lastName") || name.Mask != "hash" || name.MaskedBy != "names" ||
			name.Joins == nil ||
			!*name.Joins {
			t.Errorf("the hashed column is described as %+v", name)
		}
		if says := d.Masks["hash"]; !strings.Contains(says, "joins with other hashed columns") || len(d.Masks) != 1 {
			t.Errorf("the masks are described as %v", d.Masks)
		}
		note := described(t, made, as("taylor", "Marketing"), "orders").Columns[5]
		if note.Mask != "null in some rows" || note.Joins == nil || *note.Joins || note.Type != "text" {
			t.Errorf("the column that is masked in some rows is described as %+v", note)
		}
		if c := described(t, made, as("taylor", "Marketing", "Privacy"), "customers").Columns[1]; c.Joins != nil ||
			c.Mask != "" {
			t.Errorf("in the clear the column is described as %+v", c)
		}
	})
}

// still is an engine that counts what it is asked beside its catalog.
type still struct {
	vending.Engine
	asked atomic.Int32
}

func (s *still) Analyze(ctx context.Context, sql string, p ...vending.Parameter) (*vending.Statement, error) {
	s.asked.Add(1)
	return s.Engine.Analyze(ctx, sql, p...)
}

func (s *still) Run(ctx context.Context, lease vending.Lease) (vending.Result, error) {
	s.asked.Add(1)
	return s.Engine.Run(ctx, lease)
}

func (s *still) Diagnose(ctx context.Context, lease vending.Lease) error {
	s.asked.Add(1)
	return s.Engine.Diagnose(ctx, lease)
}

// Descriptions come from the catalog as last read, whatever is asked.
func TestDescribingAsksNoDatabase(t *testing.T) {
	e := &still{Engine: sqliteWith(t, "sales", keyed)}
	made := keyedTools(t, e)
	before := e.asked.Load() // the policies were rehearsed
	for _, args := range []tools.DescribeArgs{{}, {Search: "id"}, {Table: "orders"}, {Table: "wages"}, {Table: "no"}} {
		_, err := made.DescribeTable(t.Context(), as("taylor", "Marketing"), args)
		if (err != nil) != (args.Table == "no") {
			t.Errorf("%+v: %v", args, err)
		}
	}
	if n := e.asked.Load() - before; n > 0 {
		t.Errorf("describing asked the database %d times", n)
	}
}
