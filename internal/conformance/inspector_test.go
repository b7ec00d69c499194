package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestTheInspectorListsAndCallsOverHTTPAndStdio(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, taylor := stage(t)
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	stdio := []string{program, "stdio"}
	for _, variable := range d.stdio(t, taylor) {
		stdio = append(stdio, "-e", variable)
	}
	for transport, target := range map[string][]string{
		"HTTP":  {d.url, "--transport", "http", "--header", "Authorization: Bearer " + taylor},
		"stdio": append(stdio, "--transport", "stdio"),
	} {
		t.Run(transport, func(t *testing.T) {
			inspect := func(args ...string) *exec.Cmd {
				c := box.packaged(t, "mcp-inspector", slices.Concat([]string{"--cli"}, target, args)...)
				c.Env = append(os.Environ(), "HOME="+t.TempDir()) // it keeps a catalog there
				return c
			}
			var list struct{ Tools []struct{ Name string } }
			answered(t, inspect("--method", "tools/list", "--strict"), &list)
			names := []string{}
			for _, tool := range list.Tools {
				names = append(names, tool.Name)
			}
			if !slices.Contains(names, "query") || !slices.Contains(names, "describe_table") {
				t.Errorf("the tools are %v", names)
			}
			var result struct {
				Content           []struct{ Text string }
				StructuredContent struct {
					Columns []struct {
						MaskedBy string `json:"masked_by"`
					}
					Rows      json.RawMessage
					Truncated bool
					Notices   []string
				}
				IsError bool
			}
			answered(
				t,
				inspect("--method", "tools/call", "--tool-name", "query", "--tool-arg", "sql="+question),
				&result,
			)
			if result.IsError {
				t.Error("the call is refused")
			}
			shown(t, result.StructuredContent.Rows)
			s := result.StructuredContent
			if s.Columns[0].MaskedBy == "" || s.Truncated || len(s.Notices) == 0 || len(result.Content) != 1 ||
				!strings.Contains(result.Content[0].Text, "Notice: "+s.Notices[0]) {
				t.Errorf("of masks, notices and truncation it shows %+v", result)
			}
			answered(t, inspect("--method", "tools/call", "--tool-name", "query", "--tool-arg", "sql="+many), &result)
			if s := result.StructuredContent; !s.Truncated || len(s.Notices) != 1 ||
				!strings.Contains(s.Notices[0], "only the first 200 rows are shown") {
				t.Errorf("of more rows than fit it shows %v and %v", s.Truncated, s.Notices)
			}
		})
	}
}

// answered runs a client to its end and reads the JSON that it printed.
func answered(t *testing.T, client *exec.Cmd, into any) {
	t.Helper()
	var errors bytes.Buffer
	client.Stderr = &errors
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%.60s… ended with %v: %s %s", client.Args, err, out, errors.String())
	}
	if strings.Contains(string(out), secret) {
		t.Error("a masked value got out")
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("the client printed no JSON: %v: %s", err, out)
	}
}

// shown compares rows with what Taylor may see.
func shown(t *testing.T, rows json.RawMessage) {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, rows); err != nil || compact.String() != wantShown {
		t.Errorf("the rows are %s and not %s (%v)", rows, wantShown, err)
	}
}
