package httpd

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"deputy/identity"
)

// scoped believes a bearer token to be Taylor's, and its text to be the scopes.
type scoped struct{}

func (scoped) Authenticate(_ context.Context, c identity.Credentials) (identity.Principal, error) {
	p := principal("taylor")
	p.Limited = true
	for word := range strings.SplitSeq(c.Bearer, "+") {
		p.Scopes = append(p.Scopes, identity.Scope(word))
	}
	return p, nil
}

const describeBody = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"describe_table","arguments":{}}}`

// Whatever revision a request says it speaks, and whether it does so in its header, in _meta or not at all
// (CVE-2026-11719).
func TestAMissingScopeIsAChallengeInEveryRevision(t *testing.T) {
	fake := &fakeTools{}
	cfg := configFor(fake, scoped{})
	server := serve(t, cfg)
	const challenge = `Bearer resource_metadata="https://deputy.example.com/.well-known/oauth-protected-resource/mcp", error="insufficient_scope", scope="%s", error_description="the access token does not have the scope that is needed"`
	versions := []string{"", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01", "none"}
	for _, version := range versions {
		for _, tt := range []struct{ scopes, body, wants string }{
			{"describe", queryBody, "query describe"},
			{"openid", queryBody, "query"},
			{"approve", queryBody, "query"},
			{"QUERY", queryBody, "query"},
			{"openid", strings.Replace(queryBody, `"query"`, `"qu\u0065ry"`, 1), "query"},
			{"query", describeBody, "query describe"},
		} {
			before := len(fake.Refusals())
			response, body := do(t, request(t, server, tt.body, func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+tt.scopes)
				if version != "" {
					r.Header.Set("MCP-Protocol-Version", version)
				}
			}))
			if response.StatusCode != http.StatusForbidden ||
				response.Header.Get("WWW-Authenticate") != fmt.Sprintf(challenge, tt.wants) ||
				!strings.Contains(body, `"error":"insufficient_scope"`) {
				t.Errorf(
					"revision %q, scopes %s: %s %q %s",
					version,
					tt.scopes,
					response.Status,
					response.Header.Get("WWW-Authenticate"),
					body,
				)
			}
			if after := fake.Refusals(); len(after) != before+1 || !strings.HasSuffix(after[before], ": ceiling") {
				t.Errorf("revision %q, scopes %s: it is not on the record: %v", version, tt.scopes, after)
			}
		}
	}
	if len(fake.Calls) > 0 {
		t.Errorf("a tool was called: %+v", fake.Calls)
	}
}

func TestAScopeThatIsThereAndWhatNeedsNonePasses(t *testing.T) {
	fake := &fakeTools{}
	cfg := configFor(fake, scoped{})
	server := serve(t, cfg)
	for _, tt := range []struct{ scopes, body string }{
		{"query", queryBody},
		{"openid+describe", describeBody},
		{"openid", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`},
		{"openid", `{"jsonrpc":"2.0","id":1,"method":"ping"}`},
		{"openid", strings.Replace(queryBody, `"query"`, `"no_such_tool"`, 1)},
	} {
		response, body := do(
			t,
			request(t, server, tt.body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tt.scopes) }),
		)
		if response.StatusCode != http.StatusOK || response.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("scopes %s, %s: %s %s", tt.scopes, tt.body, response.Status, body)
		}
	}
	for _, refused := range fake.Refusals() {
		if strings.HasSuffix(refused, ": ceiling") {
			t.Errorf("held back: %s", refused)
		}
	}
}

func TestTheMetadataNamesTheScopes(t *testing.T) {
	cfg := config(&fakeTools{})
	scopes := identity.Config{Issuers: []identity.IssuerConfig{
		{
			URL: "https://a.test",
		}, {URL: "https://b.test", ScopePrefix: "api://deputy/"}, {URL: "https://c.test", ScopePrefix: "unused/", Scopes: identity.ScopesIgnored},
	}}.Scopes
	cfg.Metadata = func() Metadata { return Metadata{Scopes: scopes()} }
	server := serve(t, cfg)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+metadataPath+endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := do(t, r)
	if !strings.Contains(
		body,
		`"scopes_supported":["query","describe","request","api://deputy/query","api://deputy/describe","api://deputy/request"]`,
	) {
		t.Errorf("the metadata is %s", body)
	}
	if strings.Contains(body, "approve") {
		t.Errorf("no host is told to ask for approve: %s", body)
	}
	ignored := identity.Config{Issuers: []identity.IssuerConfig{{Scopes: identity.ScopesIgnored}}}
	if got := ignored.Scopes(); !reflect.DeepEqual(got, []string(nil)) {
		t.Errorf("where scopes are ignored, none are asked for: %v", got)
	}
}
