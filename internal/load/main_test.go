package load

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres/setup"
)

const signingKey = "a key for a database that is gone in a minute"

// What all tests share: TestMain starts it and takes it down.
var (
	cluster   = throwaway.NewShared(fill)
	authority *issuer.Issuer
	program   string
)

func TestMain(m *testing.M) {
	if os.Getenv("DEPUTY_LOAD") == "" {
		fmt.Println("the load of greedy callers is measured by make load, which sets DEPUTY_LOAD")
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "deputy-load-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if authority, err = issuer.Start(issuer.Config{}); err != nil {
		return 0, err
	}
	defer authority.Close()
	// Another program than the one of this tree shows what an attack did before: a build of an older commit.
	if program = os.Getenv("DEPUTY_PROGRAM"); program == "" {
		program = filepath.Join(dir, "deputy")
		build := exec.Command("go", "build", "-o", program, "deputy/cmd/deputy")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("building deputy: %w: %s", err, out)
		}
	}
	return throwaway.Tests{M: m}.Run(), nil
}

// fill makes the tables that callers ask for and sets the database up.
func fill(c *throwaway.Cluster) error {
	script := `CREATE SCHEMA shop;
		CREATE TABLE shop.orders (id int PRIMARY KEY, note text);
		CREATE TABLE shop.stock (id int PRIMARY KEY, note text);
		INSERT INTO shop.orders SELECT i, 'order ' || i FROM generate_series(1, 10000) AS i;
		INSERT INTO shop.stock SELECT i, 'thing ' || i FROM generate_series(1, 10000) AS i;`
	if err := c.Exec(throwaway.Superuser, "postgres", script); err != nil {
		return err
	}
	admin, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close()
	return setup.Bootstrap(context.Background(), admin, setup.Order{Schemas: []string{"shop"}, SigningKey: signingKey})
}
