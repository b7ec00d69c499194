package conformance

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/internal/testkit/serving"
)

func TestAnOpaqueTokenIsAskedAboutAndIsGoneOnceItIsRevoked(t *testing.T) {
	t.Parallel()
	box := tools(t)
	listen := serving.Address(t)
	as := authorizationServer(t, box, "http://"+listen+"/mcp", "300", "opaque")
	text, err := os.ReadFile(filepath.Join("testdata", "deputy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	introspected := strings.Replace(
		string(text),
		"      claims: {groups: groups}\n",
		"      claims: {groups: groups}\n      introspection: {client_id: introspector, client_secret: \""+as.Secret+"\", cache: 1s}\n",
		1,
	)
	d := serveWith(t, listen, as.Issuer, introspected)
	token := as.signIn(t, "chat", "taylor", d.url, "query describe")
	if strings.Contains(token, ".") {
		t.Fatal("the token is no opaque one")
	}
	d.answers(t, token)
	if r := d.last(t); r.User == nil || r.User.ID != "taylor" || r.Agent.ID != "chat" {
		t.Errorf("the record says %+v", r)
	}
	response, err := http.PostForm(as.Issuer+"/token/revocation", url.Values{"client_id": {"chat"}, "token": {token}})
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the token is not revoked: %v", err)
	}
	response.Body.Close()
	until(t, func() bool { status, _ := d.knock(t, token); return status == http.StatusUnauthorized })
	if status, _ := d.knock(t, as.signIn(t, "chat", "taylor", portalAudience, "profile-api")); status != http.StatusUnauthorized {
		t.Errorf("a token for the portal is answered with %d", status)
	}
}
