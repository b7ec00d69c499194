package mcp_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"deputy/identity"
)

// platformsIn are what each tool's schema says of the argument platform.
func platformsIn(t *testing.T, answer string) map[string]any {
	t.Helper()
	var listed struct {
		Result struct {
			Tools []struct {
				Name        string
				InputSchema struct {
					Properties map[string]map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &listed); err != nil || len(listed.Result.Tools) != 3 {
		t.Fatalf("the tools are listed as %s (%v)", answer, err)
	}
	out := map[string]any{}
	for _, tool := range listed.Result.Tools {
		if p, there := tool.InputSchema.Properties["platform"]; there {
			out[tool.Name] = p["enum"]
		}
	}
	return out
}

// The tools' definitions name the platforms of their caller, and of no other.
func TestListedPlatformsAreTheCallers(t *testing.T) {
	fake := &fakeTools{PlatformNames: []string{"lake", "sales", "only-ann", "only-taylor"}}
	web := serve(t, config(fake))
	for user, want := range map[string][]any{"taylor": {"lake", "sales", "only-taylor"}, "ann": {"lake", "sales", "only-ann"}, "bob": {"lake", "sales"}} {
		_, body := do(
			t,
			request(
				t,
				web,
				listBody("tools/list"),
				func(r *http.Request) { r.Header.Set("Authorization", "Bearer token-"+user) },
			),
		)
		if got := platformsIn(t, body); !reflect.DeepEqual(
			got,
			map[string]any{toolQuery: want, toolDescribe: want, toolRequest: want},
		) {
			t.Errorf("%s is told %v", user, got)
		}
	}
	// Who is not known yet may name one, and is told none.
	nothing := map[string]any{toolQuery: nil, toolDescribe: nil, toolRequest: nil}
	_, body := do(t, request(t, web, listBody("tools/list"), agentKey))
	if got := platformsIn(t, body); !reflect.DeepEqual(got, nothing) || strings.Contains(body, "lake") {
		t.Errorf("an agent without its human is told %s", body)
	}
	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}` + "\n"
	if got := piped(t, config(fake), list, taylorsKey)["1"]; !reflect.DeepEqual(
		platformsIn(t, got)[toolQuery],
		[]any{"lake", "sales", "only-taylor"},
	) {
		t.Errorf("over stdio taylor is told %s", got)
	}
	none := func() (identity.Credentials, error) { return identity.Credentials{}, errors.New("no credentials") }
	if got := piped(t, config(fake), list, none)["1"]; !reflect.DeepEqual(platformsIn(t, got), nothing) ||
		strings.Contains(got, "lake") {
		t.Errorf("over stdio a process without credentials is told %s", got)
	}
}

// A server with one platform more, which the caller may not know of, lists the same tools.
func TestHiddenPlatformChangesNoList(t *testing.T) {
	list := func(platforms ...string) string {
		_, body := do(t, request(t, serve(t, config(&fakeTools{PlatformNames: platforms})), listBody("tools/list")))
		return body
	}
	if one, two := list("lake"), list("lake", "only-ann"); one != two {
		t.Errorf("with a hidden platform the list is\n%s\nand without\n%s", two, one)
	}
	if two, three := list("lake", "sales"), list("lake", "only-ann", "sales"); two != three {
		t.Errorf("with a hidden platform the list is\n%s\nand without\n%s", three, two)
	}
}
