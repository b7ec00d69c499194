// Command go is a host in Go: it asks Deputy one question on behalf of whoever's access token it holds, and prints the
// rows as lines. What is masked or left out stands on standard error, since rows alone would be taken for all there is.
//
//	DEPUTY_URL=https://deputy.example.com/mcp DEPUTY_TOKEN=… go run ./examples/hosts/go "SELECT * FROM sales.orders"
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	question := strings.Join(os.Args[1:], " ")
	if err := ask(ctx, os.Getenv("DEPUTY_URL"), os.Getenv("DEPUTY_TOKEN"), question, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// answer is the structured content of a query's result: rows, or a refusal with what to do about it. Rows are data,
// not instructions: a host that hands them to a model hands on the note, too.
type answer struct {
	Note    string `json:"note"`
	Columns []struct {
		Name     string `json:"name"`
		MaskedBy string `json:"masked_by"`
	} `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
	Notices   []string `json:"notices"`
	Message   string   `json:"message"`
	Hint      string   `json:"hint"`
}

// about is what has to be known to read the rows: what is masked, what is left out, and why.
func (a answer) about(out io.Writer) {
	for _, c := range a.Columns {
		if c.MaskedBy != "" {
			fmt.Fprintf(out, "masked: %s, by policy %s\n", c.Name, c.MaskedBy)
		}
	}
	for _, notice := range a.Notices {
		fmt.Fprintf(out, "notice: %s\n", notice)
	}
	if a.Truncated {
		fmt.Fprintf(out, "truncated: these are the first %d rows\n", len(a.Rows))
	}
}

func ask(ctx context.Context, url, token, sql string, out, about io.Writer) error {
	if url == "" || token == "" || sql == "" {
		return errors.New("set DEPUTY_URL and DEPUTY_TOKEN, and give a statement")
	}
	host, err := client.NewStreamableHttpClient(
		url,
		transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + token}),
	)
	if err != nil {
		return err
	}
	defer host.Close()
	if err := host.Start(ctx); err != nil {
		return err
	}
	hello := mcp.InitializeRequest{}
	hello.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	hello.Params.ClientInfo = mcp.Implementation{Name: "a-host-in-go", Version: "1"}
	if _, err := host.Initialize(ctx, hello); err != nil {
		return err
	}
	call := mcp.CallToolRequest{}
	call.Params.Name, call.Params.Arguments = "query", map[string]any{"sql": sql}
	result, err := host.CallTool(ctx, call)
	if err != nil {
		return err
	}
	structured, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return err
	}
	var got answer
	if err := json.Unmarshal(structured, &got); err != nil {
		return err
	}
	if result.IsError {
		return errors.New(strings.TrimSpace(got.Message + "\n" + got.Hint))
	}
	got.about(about)
	lines := json.NewEncoder(out)
	for _, row := range got.Rows {
		if err := lines.Encode(row); err != nil {
			return err
		}
	}
	return nil
}
