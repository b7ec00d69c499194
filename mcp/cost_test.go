package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/internal/config/form"
	"deputy/internal/testkit/tokens"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending/sqlite"
)

// What a conversation pays for: the tokens of what tools say, in both copies, by the tokenizer of a model. No copy of
// rows is over the budget of 8,000, and no page of names over 2,000.
func TestCostOfAnswers(t *testing.T) {
	counter := tokens.Start(t)
	web := serve(t, wide(t))
	for _, tt := range []struct {
		name, tool, arguments string
		most                  int // tokens of either copy
	}{
		{"a table of 40 columns", toolDescribe, `{"table":"shop.wide"}`, 4000},
		{"a list of 1,502 tables", toolDescribe, `{}`, 2000},
		{"50 x 16 rows", toolQuery, `{"sql":"SELECT * FROM sales LIMIT 50"}`, 8000},
		{"SELECT * of 1,000 x 16 rows", toolQuery, `{"sql":"SELECT * FROM sales"}`, 8000},
	} {
		_, body := do(t, request(t, web, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tt.tool+
			`","arguments":`+tt.arguments+`}}`))
		var answer struct {
			Result struct {
				IsError           bool
				Content           []struct{ Text string }
				StructuredContent json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Result.IsError ||
			len(answer.Result.Content) != 1 {
			t.Fatalf("%s: %v %.300s", tt.name, err, body)
		}
		for copied, said := range map[string]string{
			"structured": string(answer.Result.StructuredContent), "text": answer.Result.Content[0].Text,
		} {
			n, err := counter.Count(said)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%-28s %-10s %5d tokens", tt.name, copied, n)
			if n > tt.most || n < 100 {
				t.Errorf("%s: the %s copy takes %d tokens, of %d", tt.name, copied, n, tt.most)
			}
		}
	}
	_, body := do(t, request(t, web, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	n, err := counter.Count(body)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-28s %-10s %5d tokens", "tools/list", "as sent", n)
	if n > 3000 {
		t.Errorf("the list of tools takes %d tokens", n)
	}
}

// wide serves 1,500 tables, one of 40 columns, and one of 1,000 rows of 16 columns, at default limits.
func wide(t *testing.T) httpd.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("BEGIN;")
	for i := range 1500 {
		fmt.Fprintf(&script, "CREATE TABLE department_%d_orders (id integer PRIMARY KEY, placed text);", i)
	}
	columns := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("delivery_note_%d text", i))
		}
		return strings.Join(names, ", ")
	}
	fmt.Fprintf(&script, "CREATE TABLE wide (%s); CREATE TABLE sales (%s);", columns(40), columns(16))
	script.WriteString(
		"INSERT INTO sales WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 1000) SELECT " +
			strings.TrimSuffix(strings.Repeat("'parcel ' || i || ' to Lyon',", 16), ",") + " FROM n; COMMIT",
	)
	if err := errors.Join(db.Exec(script.String()), db.Close()); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	p := platforms.Config{Name: "shop", Engine: e}
	if err := form.Fragment("policies", `[{name: all, grant: [shop.*], to: everyone}]`, &p.Policies); err != nil {
		t.Fatal(err)
	}
	made, err := tools.New(t.Context(), tools.Config{
		Audit: silent{}, Log: zerolog.Nop(), Platforms: []platforms.Config{p},
		Limits: tools.Limits{MaxRows: 1000, MaxBytes: 4 << 20, Answer: 8000, Timeout: time.Minute, Concurrency: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := config(&fakeTools{})
	c.Generations = mcp.Fixed(made, fakeAuthenticator{})
	return c
}

// silent takes records and keeps none.
type silent struct{}

func (silent) Append(context.Context, audit.Record) error { return nil }
