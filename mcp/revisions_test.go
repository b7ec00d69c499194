package mcp

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// revisions are all that mcp-go speaks: when it learns another, this test says that there is one to think about.
var revisions = []string{
	mcp.ProtocolVersion20241105,
	mcp.ProtocolVersion20250326,
	mcp.ProtocolVersion20250618,
	mcp.ProtocolVersion20251125,
	mcp.ProtocolVersion20260728,
}

func TestTheRevisionsAreAllThereAre(t *testing.T) {
	theirs := slices.Clone(mcp.ValidProtocolVersions)
	slices.Sort(theirs)
	if !reflect.DeepEqual(theirs, revisions) {
		t.Errorf("mcp-go speaks %v, and what is tested is %v", theirs, revisions)
	}
}

// modern adds to a request what the revision of 2026-07-28 wants in each. Capabilities are JSON: none by default.
func modern(body string, capabilities ...string) string {
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

// inRevision sets the headers that a client of the revision sends with the method.
func inRevision(revision, method, name string) func(*http.Request) {
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

// clientOf is a real client that speaks the revision.
func clientFor(t *testing.T, revision string, pipe transport.Interface, options ...client.ClientOption) *client.Client {
	t.Helper()
	if revision != mcp.ProtocolVersion20260728 {
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

// converse lists, describes and queries.
func converse(t *testing.T, c *client.Client) {
	t.Helper()
	list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	if err != nil || len(list.Tools) != 3 {
		t.Fatalf("tools: %+v, %v", list, err)
	}
	for _, tool := range list.Tools {
		if a := tool.Annotations; *a.ReadOnlyHint != (tool.Name != toolRequest) || *a.DestructiveHint || !*a.IdempotentHint ||
			*a.OpenWorldHint ||
			len(tool.Icons) != 1 ||
			len(tool.RawOutputSchema) == 0 && tool.OutputSchema.Type == "" {
			t.Errorf("%s arrives as %+v", tool.Name, tool)
		}
	}
	if got := structured[tools.Description](t, callTool(t, c, toolDescribe, nil)); got.Tables[0].Name != "sales.orders" {
		t.Errorf("description: %+v", got)
	}
	result := callTool(t, c, toolQuery, map[string]any{"sql": "SELECT lastname, total FROM orders"})
	if got := structured[tools.QueryResult](t, result); result.IsError || got.Rows[1][1] != "9007199254740993" {
		t.Errorf("result: %+v", got)
	}
}

// alternating sends each request to the next replica.
type alternating struct {
	replicas []*url.URL
	sent     atomic.Int32
	each     [2]atomic.Int32
}

func (a *alternating) RoundTrip(r *http.Request) (*http.Response, error) {
	n := int(a.sent.Add(1)) % len(a.replicas)
	a.each[n].Add(1)
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = a.replicas[n].Host, a.replicas[n].Host
	return http.DefaultTransport.RoundTrip(r)
}

func TestAnyReplicaAnswersAnyRequestInEveryRevision(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			fakes := []*fakeTools{{}, {}}
			replicas := &alternating{}
			for _, fake := range fakes {
				u, err := url.Parse(serve(t, config(fake)).URL)
				if err != nil {
					t.Fatal(err)
				}
				replicas.replicas = append(replicas.replicas, u)
			}
			pipe, err := transport.NewStreamableHTTP(
				replicas.replicas[0].String()+endpoint,
				transport.WithHTTPHeaders(
					map[string]string{"Authorization": "Bearer token-taylor"},
				),
				transport.WithHTTPBasicClient(&http.Client{Transport: replicas}),
			)
			if err != nil {
				t.Fatal(err)
			}
			c := clientFor(t, revision, pipe)
			converse(t, c)
			converse(t, c)
			for i := range fakes {
				if replicas.each[i].Load() < 3 {
					t.Errorf("replica %d had %d requests of %d: nothing was shown", i, replicas.each[i].Load(), replicas.sent.Load())
				}
			}
			if answered := len(fakes[0].callers()) + len(fakes[1].callers()); answered != 2 {
				t.Errorf("%d queries were answered, want 2", answered)
			}
		})
	}
}

func TestEveryRevisionIsServedOverPipes(t *testing.T) {
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			fromClient, toClient, wait := piping(t, config(&fakeTools{}))
			converse(t, clientFor(t, revision, transport.NewIO(toClient, fromClient, io.NopCloser(strings.NewReader("")))))
			fromClient.Close()
			wait()
		})
	}
}

// piping serves one client over pipes. When the client's end is closed, wait returns when the server has ended.
func piping(t *testing.T, cfg Config) (fromClient io.WriteCloser, toClient io.Reader, wait func()) {
	t.Helper()
	in, fromClient := io.Pipe()
	toClient, out := io.Pipe()
	var served sync.WaitGroup
	served.Go(func() {
		err := ServeStdio(t.Context(), cfg, in, out, taylorsKey)
		if err != nil && t.Context().Err() == nil {
			t.Errorf("the server ends with %v", err)
		}
		out.Close()
	})
	return fromClient, toClient, served.Wait
}
