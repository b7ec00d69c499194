package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/setup"
)

// A database administrator sets a database up once; from then on each lease is a role for one statement.
func Example() {
	ctx := context.Background()
	exec("postgres", "CREATE DATABASE example OWNER dba")
	dba, _ := cluster.Open("dba", "example")
	defer dba.Close()
	dba.Exec(
		"CREATE SCHEMA sales; CREATE TABLE sales.orders (lastname text, total numeric); INSERT INTO sales.orders VALUES ('Okafor', 117.00)",
	)
	key := strings.Repeat("k", 32)
	if err := setup.Bootstrap(ctx, dba, setup.Order{Schemas: []string{"sales"}, SigningKey: key}); err != nil {
		fmt.Println(err)
	}

	engine, err := postgres.Open(
		postgres.Config{DSN: cluster.DSN("deputy_runner", "example"), Schemas: []string{"sales"}, SigningKey: key},
	)
	if err != nil {
		fmt.Println(err)
	}
	defer engine.Close()
	statement, _ := engine.Analyze(ctx, "SELECT * FROM orders")
	fmt.Println("reads", statement.Tables[0].Table, statement.Tables[0].Columns)
	result, err := engine.Run(ctx, vending.Lease{
		ID: "example0001", SQL: "SELECT * FROM orders", MaxRows: 10, MaxBytes: 1 << 10, Timeout: time.Minute,
		Access: []entitlements.Access{{
			Table: entitlements.TableName{Schema: "sales", Name: "orders"},
			Columns: []entitlements.ColumnAccess{
				{
					Column: entitlements.Column{Name: "lastname", Type: "text", Kind: entitlements.Text},
					Masks:  []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: entitlements.MaskPartial, First: 1}}},
				},
				{Column: entitlements.Column{Name: "total", Type: "numeric", Kind: entitlements.Number}},
			},
		}},
	})
	fmt.Println(result.Rows, err)
	left, _ := engine.Standing(ctx)
	fmt.Println("left:", len(left))
	// Output:
	// reads sales.orders [lastname total]
	// [[O***** 117.00]] <nil>
	// left: 0
}
