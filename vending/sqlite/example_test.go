package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite"
)

func Example() {
	dir, err := os.MkdirTemp("", "deputy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sales.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Exec(`CREATE TABLE orders (lastname TEXT, total NUMERIC(10,2)); INSERT INTO orders VALUES ('Abernathy', 89)`); err != nil {
		log.Fatal(err)
	}
	db.Close()

	engine, err := sqlite.Open(
		sqlite.Config{Path: path, Schema: "sales", HashKey: []byte("32 bytes or more that nobody knows")},
	)
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	hidden := []entitlements.AppliedMask{
		{Mask: entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "REDACTED"}, Policy: "hide personal data"},
	}
	result, err := engine.Run(context.Background(), vending.Lease{
		ID:  "4tq9z0c1xk",
		SQL: `SELECT * FROM sales.orders`,
		Access: []entitlements.Access{{
			Table: entitlements.TableName{Schema: "sales", Name: "orders"},
			Columns: []entitlements.ColumnAccess{
				{Column: entitlements.Column{Name: "lastname", Kind: entitlements.Text}, Masks: hidden},
				{Column: entitlements.Column{Name: "total", Kind: entitlements.Number}},
			},
		}},
		MaxRows: 10, MaxBytes: 1 << 20, Timeout: time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Role.Name, result.Rows)
	standing, _ := engine.Standing(context.Background())
	fmt.Println("standing:", standing)
	// Output:
	// deputy_4tq9z0c1xk [[REDACTED 89.00]]
	// standing: []
}
