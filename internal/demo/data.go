// Package demo tells Deputy's main job as a short story: somebody asks an agent, gets only what they may see, and
// nothing is left behind. Everything in it is real but the identity provider: an engine with data, signed tokens, the
// HTTP server, an MCP client.
package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/testkit/throwaway"
	"deputy/vending/postgres/setup"
)

// The data, in words that both engines understand; prefix is "sales." where there are schemas.
func seed(prefix string) string {
	return fmt.Sprintf(`
CREATE TABLE %[1]scustomer_orders (lastname text, region text, order_total numeric(10,2), total_with_shipping numeric(10,2));
INSERT INTO %[1]scustomer_orders VALUES
  ('Lindqvist', 'US-EAST', 89.00, 95.67),
  ('Okafor', 'US-EAST', 117.00, 127.95),
  ('Marchetti', 'US-WEST', 225.00, 245.73),
  ('Tanaka', 'US-CENTRAL', 356.00, 370.16),
  ('Villareal', 'US-EAST', 50.00, 54.13);
CREATE TABLE %[1]sregions (region text, warehouse text);
INSERT INTO %[1]sregions VALUES ('US-EAST', 'Newark'), ('US-WEST', 'Reno'), ('US-CENTRAL', 'Omaha');
`, prefix)
}

// Names are the people in the data: nobody outside Privacy may ever see one.
var Names = []string{"Lindqvist", "Okafor", "Marchetti", "Tanaka", "Villareal"}

const (
	schema     = "sales"
	platform   = "shop"
	signingKey = "a key for a database that is gone in a minute"
)

// makeSQLite writes the data into a file.
func makeSQLite(dir string, data func(prefix string) string) (path string, err error) {
	path = filepath.Join(dir, "shop.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		return "", fmt.Errorf("making the demo's database: %w", err)
	}
	defer db.Close()
	if err := db.Exec(data("")); err != nil {
		return "", fmt.Errorf("filling the demo's database: %w", err)
	}
	return path, nil
}

// makePostgres fills a throw-away cluster and sets it up as an administrator would. It returns the server's dsn.
func makePostgres(ctx context.Context, c *throwaway.Cluster, data func(prefix string) string) (dsn string, err error) {
	admin, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return "", err
	}
	defer admin.Close()
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA "+schema+";"+data(schema+".")); err != nil {
		return "", fmt.Errorf("filling the demo's database: %w", err)
	}
	order := setup.Order{Schemas: []string{schema}, SigningKey: signingKey}
	return c.DSN("deputy_runner", "postgres"), setup.Bootstrap(ctx, admin, order)
}

// onPostgres exchanges the platform of the demo's configuration.
var onPostgres = strings.NewReplacer(
	"engine: sqlite", "engine: postgres",
	"path: ${DEMO_DATABASE}", "dsn: ${DEMO_DSN}\n    signing_key: ${DEMO_SIGNING_KEY}",
	"schema: sales", "schemas: [sales]",
)
