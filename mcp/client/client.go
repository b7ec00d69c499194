// Package client is a small MCP client for Deputy's own tools: the demo, the benchmark and the tests speak to a server
// with it as a host would. It lives below mcp, because nothing else may know mcp-go.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// Client is one connection to one server, with one set of credentials.
type Client struct{ mcp *client.Client }

// HTTP connects to the endpoint at url. bearer is an access token or an agent key; userToken is relayed beside a key,
// or empty.
func HTTP(ctx context.Context, url, bearer, userToken string) (*Client, error) {
	headers := map[string]string{"Authorization": "Bearer " + bearer}
	if userToken != "" {
		headers["Deputy-User-Token"] = userToken
	}
	pipe, err := transport.NewStreamableHTTP(
		url,
		transport.WithHTTPHeaders(headers),
		transport.WithHTTPBasicClient(&http.Client{Transport: pooled}),
	)
	if err != nil {
		return nil, err
	}
	return start(ctx, client.NewClient(pipe))
}

// Stdio speaks to a server over its standard input and output.
func Stdio(ctx context.Context, input io.WriteCloser, output io.Reader) (*Client, error) {
	return start(ctx, client.NewClient(transport.NewIO(output, input, io.NopCloser(nil))))
}

// pooled keeps as many idle connections as a benchmark's clients need.
var pooled = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 256
	return t
}()

func start(ctx context.Context, c *client.Client) (*Client, error) {
	if err := c.Start(ctx); err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	request := mcp.InitializeRequest{}
	request.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	request.Params.ClientInfo = mcp.Implementation{Name: "deputy-client", Version: "1"}
	if _, err := c.Initialize(ctx, request); err != nil {
		return nil, fmt.Errorf("initializing: %w", err)
	}
	return &Client{c}, nil
}

// Query calls the query tool. A refusal comes as *tools.Refusal.
func (c *Client) Query(ctx context.Context, args map[string]any) (*tools.QueryResult, error) {
	result := &tools.QueryResult{}
	return result, c.call(ctx, "query", args, result)
}

// Describe calls the describe_table tool. A refusal comes as *tools.Refusal.
func (c *Client) Describe(ctx context.Context, args map[string]any) (*tools.Description, error) {
	result := &tools.Description{}
	return result, c.call(ctx, "describe_table", args, result)
}

// RequestAccess calls the request_access tool. A refusal comes as *tools.Refusal.
func (c *Client) RequestAccess(ctx context.Context, args map[string]any) (*tools.AccessRequest, error) {
	result := &tools.AccessRequest{}
	return result, c.call(ctx, "request_access", args, result)
}

// Tools are the names of the server's tools.
func (c *Client) Tools(ctx context.Context) ([]string, error) {
	list, err := c.mcp.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range list.Tools {
		names = append(names, t.Name)
	}
	return names, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.mcp.Close() }

func (c *Client) call(ctx context.Context, tool string, args map[string]any, into any) error {
	request := mcp.CallToolRequest{}
	request.Params.Name, request.Params.Arguments = tool, args
	answer, err := c.mcp.CallTool(ctx, request)
	if err != nil {
		return err
	}
	structured, err := json.Marshal(answer.StructuredContent)
	if err != nil {
		return err
	}
	if answer.IsError {
		refusal := &tools.Refusal{}
		if err := json.Unmarshal(structured, refusal); err != nil || refusal.Code == "" {
			return errors.New("the server refused without saying why")
		}
		return refusal
	}
	return json.Unmarshal(structured, into)
}
