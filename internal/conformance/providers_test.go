package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/config"
	"deputy/internal/testkit/issuer"
)

// What is around the sections of examples/identity-providers.md to make configurations of them.
const (
	before = "server:\n  public_url: https://deputy.example.com\n"
	after  = `
platforms:
  shop: {engine: sqlite, path: shop.db, schema: sales}
policies:
  - name: marketing reads orders
    grant: [sales.orders]
    to: group:Marketing
`
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")
	seen      = regexp.MustCompile("Deputy sees user `([^`]+)`, agent `([^`]+)`\\.")
	issuerURL = regexp.MustCompile(`(?m)^ +(?:- )?url: (\S+)$`)
)

// Each section's configuration is loaded as strictly as any other, and each section's token, signed, is whom the
// section says.
func TestTheProvidersTablesAreWhatDeputySees(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "identity-providers.md"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[identity.IssuerKind]bool{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, section, _ := strings.Cut(section, "\n")
		if strings.HasPrefix(title, "Hosts that hold") {
			continue
		}
		t.Run(title, func(t *testing.T) {
			snippet, payload, want := yamlBlock.FindStringSubmatch(
				section,
			), jsonBlock.FindStringSubmatch(
				section,
			), seen.FindStringSubmatch(
				section,
			)
			if snippet == nil || payload == nil || want == nil {
				t.Fatal("a section has a configuration, a token, and whom Deputy sees")
			}
			loaded := load(t, snippet[1])
			kind := loaded.Identity.Issuers[0].Kind
			if kinds[kind] {
				t.Errorf("two sections are of the kind %q", kind)
			}
			kinds[kind] = true
			for _, typ := range map[identity.IssuerKind][]string{"": {"at+jwt"}, identity.Entra: {"JWT"}, identity.Okta: {"-"}, identity.Auth0: {"at+jwt", "JWT"}, identity.Keycloak: {"at+jwt", "JWT"}}[kind] {
				principal := sees(t, snippet[1], payload[1], typ)
				if principal.User == nil || principal.User.ID != want[1] || principal.Agent.ID != want[2] {
					t.Errorf("with typ %s Deputy sees %+v", typ, principal)
				}
				if len(principal.User.Groups) != 1 {
					t.Errorf("of the groups Deputy sees %v", principal.User.Groups)
				}
				if !principal.Allows(identity.ScopeQuery) || principal.Allows(identity.ScopeRequest) {
					t.Errorf("the scopes are no ceiling: %v", principal.Scopes)
				}
			}
		})
	}
	if len(kinds) != 5 {
		t.Errorf("the guide has the kinds %v", kinds)
	}
}

func load(t *testing.T, snippet string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte(before+snippet+after), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// sees lets an issuer of our own sign the token, in the place of the one that the section is about.
func sees(t *testing.T, snippet, payload, typ string) identity.Principal {
	t.Helper()
	real := issuerURL.FindStringSubmatch(snippet)[1]
	i := ownIssuer(t, "")
	// The address stands in the claims of userinfo, too. That of Auth0 ends in a slash.
	swap := strings.NewReplacer(strings.TrimSuffix(real, "/"), i.URL(), real, i.URL())
	loaded := load(t, strings.ReplaceAll(snippet, real, i.URL()))
	var claims map[string]any
	if err := json.Unmarshal([]byte(swap.Replace(payload)), &claims); err != nil {
		t.Fatal(err)
	}
	claims["iss"] = i.URL()
	claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Add(time.Hour).Unix()
	signed, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := identity.NewRegistry(loaded.Agents)
	if err != nil {
		t.Fatal(err)
	}
	authenticator, err := oidc.New(
		t.Context(),
		loaded.Identity,
		registry,
		oidc.Options{Audience: "https://deputy.example.com/mcp"},
	)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := authenticator.Authenticate(
		t.Context(),
		identity.Credentials{Bearer: i.Forge(issuer.Forgery{Type: typ, Payload: signed}, issuer.Claims{})},
	)
	if err != nil {
		t.Fatalf("with typ %s: %v", typ, err)
	}
	return principal
}
