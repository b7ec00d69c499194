package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"deputy/internal/testkit/throwaway"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// ownCluster is a database server of the test's own, for it to freeze and to restart.
func ownCluster(t *testing.T, now func() time.Time) (*throwaway.Cluster, *postgres.Engine) {
	t.Helper()
	c, err := throwaway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	if err := c.Exec(throwaway.Superuser, "postgres", seed); err != nil {
		t.Fatal(err)
	}
	admin, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	order := setup.Order{Schemas: []string{"sales"}, SigningKey: signingKey}
	if err := setup.Bootstrap(t.Context(), admin, order); err != nil {
		t.Fatal(err)
	}
	e, err := postgres.Open(postgres.Config{
		DSN: c.DSN("deputy_runner", "postgres"), Schemas: order.Schemas, SigningKey: signingKey, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return c, e
}

// soon returns what a step ends with. A step that follows no context would never end while the server is frozen.
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

func limited(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// saysSilent asks a frozen database until the answer is that it is silent. A step to which a busy machine gave no time
// does not know that yet.
func saysSilent(t *testing.T, what string, step func(context.Context) error) {
	t.Helper()
	var err error
	for range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err = soon(t, what, func() error { return step(ctx) })
		cancel()
		if known, ok := errors.AsType[*vending.Error](err); ok && known.Code == vending.Silent {
			return
		}
	}
	t.Errorf("%s ends with %v", what, err)
}

func hasCode(t *testing.T, what string, err error, code vending.Code) {
	t.Helper()
	if known, ok := errors.AsType[*vending.Error](err); !ok || known.Code != code {
		t.Errorf("%s ends with %v, not %v", what, err, code)
	}
}

// Whatever waits for a frozen database ends with its context, and says that the database is silent. Afterwards the
// database is used as if nothing had been.
func TestFrozenDatabase(t *testing.T) {
	now := time.Now()
	var ahead time.Duration
	c, e := ownCluster(t, func() time.Time { return now.Add(ahead) })
	if _, err := e.Run(t.Context(), lease("frozenwarm1", "SELECT id FROM customer_orders")); err != nil {
		t.Fatal(err)
	}
	leaving, leave := context.WithCancel(t.Context())
	defer leave()
	left := make(chan error, 1)
	go func() {
		_, err := e.Run(leaving, lease("frozenrun01", "SELECT pg_sleep(10) FROM customer_orders"))
		left <- err
	}()
	admin, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	awaitRunning(t, admin)
	c.Freeze()
	defer c.Thaw()

	leave()
	hasCode(t, "a statement whose caller left", soon(t, "it", func() error { return <-left }), vending.Cancelled)
	saysSilent(t, "a call", func(ctx context.Context) error {
		_, err := e.Run(ctx, lease("frozen00001", "SELECT id FROM customer_orders"))
		return err
	})
	saysSilent(t, "an analysis", func(ctx context.Context) error {
		_, err := e.Analyze(ctx, "SELECT lastname FROM customer_orders")
		return err
	})

	// The catalog is read once for all who want it, and each of them waits with its own context.
	ahead = time.Hour
	patient := make(chan error, 1)
	go func() {
		_, err := e.Catalog(limited(t, time.Minute))
		patient <- err
	}()
	hasCode(t, "an impatient caller", soon(t, "the catalog", func() error {
		_, err := e.Catalog(limited(t, 100*time.Millisecond))
		return err
	}), vending.Timeout)
	select {
	case err := <-patient:
		t.Errorf("the impatient caller waited for the patient one, who got %v", err)
	default:
	}
	hasCode(t, "the catalog", soon(t, "the catalog", func() error { return <-patient }), vending.Silent)

	c.Thaw()
	if _, err := e.Run(t.Context(), lease("frozenthaw1", "SELECT id FROM customer_orders")); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}

// Connections that a restart has closed are replaced before anything of a caller's has run: no call fails for them.
func TestRestartUnderPool(t *testing.T) {
	c, e := ownCluster(t, nil)
	const calls = 16
	ended := make(chan error, calls)
	for n := range calls {
		go func() {
			_, err := e.Run(t.Context(), lease(fmt.Sprintf("fillpool%03d", n), "SELECT pg_sleep(0.5)"))
			ended <- err
		}()
	}
	for range calls {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	c.Halt()
	if err := c.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range calls {
		id := fmt.Sprintf("restart%04d", n)
		if _, err := e.Run(t.Context(), lease(id, "SELECT id FROM customer_orders")); err != nil {
			t.Errorf("call %d after a restart: %v", n, err)
		}
	}
}
