package mcp_test

import (
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	protocol "github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

func TestTheRevisionsAreAllThereAre(t *testing.T) {
	theirs := slices.Clone(protocol.ValidProtocolVersions)
	slices.Sort(theirs)
	if !reflect.DeepEqual(theirs, revisions) {
		t.Errorf("mcp-go speaks %v, and what is tested is %v", theirs, revisions)
	}
}

// converse lists, describes and queries.
func converse(t *testing.T, c *client.Client) {
	t.Helper()
	list, err := c.ListTools(t.Context(), protocol.ListToolsRequest{})
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
				replicas.Replicas = append(replicas.Replicas, u)
			}
			pipe, err := transport.NewStreamableHTTP(
				replicas.Replicas[0].String()+endpoint,
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
				if replicas.Each[i].Load() < 3 {
					t.Errorf("replica %d had %d requests of %d: nothing was shown", i, replicas.Each[i].Load(), replicas.Sent.Load())
				}
			}
			if answered := len(fakes[0].Callers()) + len(fakes[1].Callers()); answered != 2 {
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
