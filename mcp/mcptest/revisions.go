package mcptest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Revisions are all that mcp-go speaks: when it learns another, a test says that there is one to think about.
var Revisions = []string{
	mcp.ProtocolVersion20241105,
	mcp.ProtocolVersion20250326,
	mcp.ProtocolVersion20250618,
	mcp.ProtocolVersion20251125,
	mcp.ProtocolVersion20260728,
}

// Modern adds to a request what the revision of 2026-07-28 wants in each. Capabilities are JSON: none by default.
func Modern(body string, capabilities ...string) string {
	meta := fmt.Sprintf(
		`"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientCapabilities":%s}`,
		mcp.ProtocolVersion20260728,
		append(capabilities, "{}")[0],
	)
	switch {
	case strings.Contains(body, `"_meta":{`):
		return strings.Replace(body, `"_meta":{`, strings.TrimSuffix(meta, "}")+",", 1)
	case strings.Contains(body, `"params":{}`):
		return strings.Replace(body, `"params":{`, `"params":{`+meta, 1)
	}
	return strings.Replace(body, `"params":{`, `"params":{`+meta+`,`, 1)
}

// InRevision sets the headers that a client of the revision sends with the method.
func InRevision(revision, method, name string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Accept", "application/json, text/event-stream")
		if revision >= mcp.ProtocolVersion20250618 {
			r.Header.Set(mcp.HeaderProtocolVersion, revision)
		}
		if revision == mcp.ProtocolVersion20260728 {
			r.Header.Set("Mcp-Method", method)
			if name != "" {
				r.Header.Set("Mcp-Name", name)
			}
		}
	}
}

// ClientFor is a real client that speaks the revision.
func ClientFor(t *testing.T, revision string, pipe transport.Interface, options ...client.ClientOption) *client.Client {
	t.Helper()
	if revision != mcp.ProtocolVersion20260728 {
		//nolint:staticcheck // SA1019: hosts of today still shake hands
		options = append(options, client.WithLegacyProtocolOnly())
	}
	c := client.NewClient(pipe, options...)
	t.Cleanup(func() { c.Close() })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Initialize(
		t.Context(),
		mcp.InitializeRequest{
			Params: mcp.InitializeParams{ProtocolVersion: revision, ClientInfo: mcp.Implementation{Name: "test", Version: "1"}},
		},
	)
	if err != nil || c.ProtocolVersion() != revision {
		t.Fatalf("the client speaks %s, want %s: %v", c.ProtocolVersion(), revision, err)
	}
	return c
}

// Alternating sends each request to the next replica.
type Alternating struct {
	Replicas []*url.URL
	Sent     atomic.Int32
	Each     [2]atomic.Int32
}

func (a *Alternating) RoundTrip(r *http.Request) (*http.Response, error) {
	n := int(a.Sent.Add(1)) % len(a.Replicas)
	a.Each[n].Add(1)
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = a.Replicas[n].Host, a.Replicas[n].Host
	return http.DefaultTransport.RoundTrip(r)
}
