// Command go is a host in Go: it asks Deputy one question on behalf of whoever's access token it holds, and prints the
// answer as lines.
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
	if err := ask(ctx, os.Getenv("DEPUTY_URL"), os.Getenv("DEPUTY_TOKEN"), question, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// answer is the structured content of a query's result: rows, or a refusal with what to do about it.
type answer struct {
	Rows    [][]any `json:"rows"`
	Message string  `json:"message"`
	Hint    string  `json:"hint"`
}

func ask(ctx context.Context, url, token, sql string, out io.Writer) error {
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
	lines := json.NewEncoder(out)
	for _, row := range got.Rows {
		if err := lines.Encode(row); err != nil {
			return err
		}
	}
	return nil
}
