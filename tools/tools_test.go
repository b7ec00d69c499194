package tools_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/tools"
	"deputy/vending"
)

func TestNewFailsLoudly(t *testing.T) {
	good := toolsConfig(t, onSQLite(t), &memory{}, "")
	for what, break_ := range map[string]func(*tools.Config){
		"no platform is configured":  func(c *tools.Config) { c.Platforms = nil },
		"no audit log is configured": func(c *tools.Config) { c.Audit = nil },
		"every limit must be":        func(c *tools.Config) { c.Limits.MaxRows = 0 },
	} {
		c := good
		break_(&c)
		if _, err := tools.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("New does not say %q: %v", what, err)
		}
	}
}

// changing is a real engine whose catalog a test can change.
type changing struct {
	vending.Engine
	catalog *entitlements.Catalog
	run     func(context.Context, vending.Lease) (vending.Result, error)
}

func (c *changing) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	if c.catalog != nil {
		return c.catalog, nil
	}
	return c.Engine.Catalog(ctx)
}

func (c *changing) Run(ctx context.Context, l vending.Lease) (vending.Result, error) {
	if c.run != nil {
		return c.run(ctx, l)
	}
	return c.Engine.Run(ctx, l)
}

// A name that is gone closes the table that it was in, says so, and leaves the rest of the platform open.
func TestLostColumnClosesItsTable(t *testing.T) {
	db := emptySQLite(t)
	made, log := newTools(t, db.open(t), "- {name: pay, grant: sales.payroll, to: group:Privacy}\n")
	db.exec(t, `ALTER TABLE %scustomer_orders RENAME COLUMN lastname TO surname`)
	_, err := made.Query(
		t.Context(),
		as("taylor", "Marketing"),
		tools.QueryArgs{SQL: `SELECT region FROM customer_orders`},
	)
	if r := refusal(t, err); r.Code != tools.Unavailable {
		t.Errorf("with a renamed PII column the answer is %+v", r)
	}
	if log.last(t).Outcome != audit.Failed {
		t.Error("the refusal is on the record as something else")
	}
	_, err = made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{Table: "customer_orders"})
	if r := refusal(t, err); r.Code != tools.Unavailable || !strings.Contains(r.Message, "closed for now") {
		t.Errorf("describe_table says %+v of it", r)
	}
	_, err = made.Query(t.Context(), as("taylor", "Nobody"), tools.QueryArgs{SQL: `SELECT region FROM customer_orders`})
	if r := refusal(t, err); r.Code != tools.NotPermitted {
		t.Errorf("who may not know of the table is told %+v", r)
	}
	if _, err := made.Query(t.Context(), as("taylor", "Privacy"), tools.QueryArgs{SQL: `SELECT salary FROM payroll`}); err != nil {
		t.Errorf("another table is closed too: %v", err)
	}
	if found := made.Troubles(); made.Ready(t.Context()) != nil || len(found) != 1 ||
		found[0].Table.Name != "customer_orders" {
		t.Errorf("the trouble is not said: %v", found)
	}
	db.exec(t, `ALTER TABLE %scustomer_orders RENAME COLUMN surname TO lastname`)
	db.ahead.Add(1) // time to look at the catalog again
	if _, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: `SELECT region FROM customer_orders`}); err != nil {
		t.Errorf("once the column is back: %v", err)
	}
	if found := made.Troubles(); found != nil {
		t.Errorf("once the column is back, trouble is said still: %v", found)
	}
}

func TestAPanicIsOnTheRecordAndNotInTheAnswer(t *testing.T) {
	e := &changing{Engine: onSQLite(t)}
	made, log := newTools(t, e, "")
	e.run = func(context.Context, vending.Lease) (vending.Result, error) { panic("Lindqvist") }
	_, err := made.Query(
		t.Context(),
		as("taylor", "Marketing"),
		tools.QueryArgs{SQL: `SELECT region FROM customer_orders`},
	)
	if r := refusal(t, err); r.Code != tools.Unavailable || strings.Contains(r.Error()+r.Hint, "Lindqvist") {
		t.Errorf("a panic is answered with %+v", r)
	}
	if log.last(t).Outcome != audit.Failed {
		t.Errorf("the record of a panic says %+v", log.last(t))
	}
}

func TestCallsBeyondTheLimitWaitAndAreThenToldSo(t *testing.T) {
	engine := onSQLite(t)
	config := toolsConfig(t, engine, &memory{}, "")
	synctest.Test(t, func(t *testing.T) { // ten seconds pass at once here
		running, release := make(chan bool, 100), make(chan bool)
		e := &changing{Engine: engine}
		config.Platforms[0].Engine = e
		made, err := tools.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		e.run = func(context.Context, vending.Lease) (vending.Result, error) {
			running <- true
			<-release
			return vending.Result{Columns: []vending.OutputColumn{{Name: "region"}}}, nil
		}
		call := func(who string) error {
			_, err := made.Query(
				t.Context(),
				as(who, "Marketing"),
				tools.QueryArgs{SQL: `SELECT region FROM customer_orders`},
			)
			return err
		}
		ended := make(chan error, 4)
		for n := range config.Limits.Concurrency {
			go func() { ended <- call(fmt.Sprint("user", n)) }()
			<-running
		}
		if r := refusal(t, call("taylor")); r.Code != tools.TooBusy {
			t.Errorf("a call beyond the limit is answered with %+v", r)
		}
		close(release)
		for range config.Limits.Concurrency {
			if err := <-ended; err != nil {
				t.Errorf("a call within the limit is refused: %v", err)
			}
		}
	})
}

func TestACancelledCallIsOnTheRecord(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := made.Query(ctx, as("taylor", "Marketing"), tools.QueryArgs{SQL: `SELECT region FROM customer_orders`}); err == nil {
			t.Error("a call that was cancelled before it began is answered")
		}
		if r := log.last(t); r.Outcome != audit.Cancelled {
			t.Errorf("the record says %+v", r)
		}
	})
}
