package tools_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending/sqlite"
)

// Taylor asks through the marketing agent; the policy hides last names from everybody outside Privacy.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "deputy-example-")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.db")
	db, _ := sqlite3.Open(path)
	db.Exec(
		"CREATE TABLE customer_orders (lastname text, region text); INSERT INTO customer_orders VALUES ('Okafor', 'US-EAST')",
	)
	db.Close()
	engine, _ := sqlite.Open(sqlite.Config{Path: path, Schema: "sales"})
	defer engine.Close()

	shop := platforms.Config{Name: "shop", Engine: engine}
	form.Fragment("policies", policies, &shop.Policies)
	form.Fragment("tags", tags, &shop.Tags)
	made, err := tools.New(ctx, tools.Config{
		Platforms: []platforms.Config{shop}, Audit: &memory{},
		Limits: tools.Limits{MaxRows: 100, MaxBytes: 1 << 20, Timeout: time.Minute, Concurrency: 4},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := made.Query(
		ctx,
		as("taylor", "Marketing"),
		tools.QueryArgs{SQL: "SELECT lastname, region FROM customer_orders"},
	)
	fmt.Println(answer.Rows, answer.Columns[0].MaskedBy, err)
	_, err = made.Query(ctx, as("sam"), tools.QueryArgs{SQL: "SELECT lastname FROM customer_orders"})
	fmt.Println(err)
	// Output:
	// [[REDACTED US-EAST]] hide personal data <nil>
	// not_permitted: the statement names a table that is not there or that you may not read: describe_table lists those you can
}
