package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deputy/internal/testkit/serving"
)

func TestAHostThatKnowsOnlyTheAddressGetsFrom401ToAMaskedAnswer(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box)
	host := box.script(t, filepath.Join("js", "whole-way.mjs"), d.url, "chat", question)
	host.Stderr = t.Output()
	in, err := host.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(bufio.NewReader(out))
	var asks struct{ Open string }
	if err := lines.Decode(&asks); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(asks.Open)
	if err != nil || !strings.HasPrefix(asks.Open, as.Issuer+"/auth?") {
		t.Fatalf("the host opens %s (%v)", asks.Open, err)
	}
	if q := address.Query(); q.Get("resource") != d.url || q.Get("code_challenge_method") != "S256" ||
		q.Get("code_challenge") == "" {
		t.Errorf("the host asks without resource or PKCE: %v", q)
	} else if q.Get("scope") != "query describe request" {
		t.Errorf("the host asks for %q, and not for what the resource metadata names", q.Get("scope"))
	}
	fmt.Fprintln(in, newBrowser(t, "taylor").open(asks.Open))
	var got struct {
		called
		Steps []string
	}
	if err := lines.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if err := host.Wait(); err != nil {
		t.Fatal(err)
	}
	if got.IsError || got.Revision != "2026-07-28" || !slices.Contains(got.Tools, "query") {
		t.Errorf("the answer is %+v", got)
	}
	shown(t, got.Rows)
	way := slices.Compact(got.Steps)
	t.Logf("the way: %s", strings.Join(way, ", "))
	inOrder(
		t,
		way,
		"POST /mcp 401",
		"GET /.well-known/oauth-protected-resource/mcp 200",
		"GET /.well-known/",
		"POST /token 200",
		"POST /mcp 200",
	)
	last := d.records(t)
	if r := last[len(last)-1]; r.User == nil || r.User.ID != "taylor" || r.Agent.ID != "chat" || r.Mode != "on_behalf_of" {
		t.Errorf("the record says %+v", r)
	}
}

// believing is deputy and the authorization server that it trusts.
func believing(t *testing.T, box *toolbox, more ...string) (*deputy, provider) {
	t.Helper()
	listen := serving.Address(t)
	as := authorizationServer(t, box, "http://"+listen+"/mcp", more...)
	return serveAt(t, listen, as.Issuer), as
}

// inOrder says whether the steps have these, by how they begin, one after the other.
func inOrder(t *testing.T, steps []string, wanted ...string) {
	t.Helper()
	rest := steps
	for _, want := range wanted {
		i := slices.IndexFunc(rest, func(s string) bool { return strings.HasPrefix(s, want) })
		if i < 0 {
			t.Errorf("%q does not come where it should in %q", want, steps)
			return
		}
		rest = rest[i+1:]
	}
}
