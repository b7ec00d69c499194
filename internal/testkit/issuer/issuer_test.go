package issuer_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"deputy/internal/testkit/issuer"
)

// An OpenID client finds the issuer by its URL alone and believes what it signs.
func Example() {
	iss, err := issuer.Start(issuer.Config{Audience: "https://deputy.example/mcp"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer iss.Close()

	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, iss.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "https://deputy.example/mcp"})
	token, err := verifier.Verify(ctx, iss.Token(issuer.Claims{Subject: "taylor", ClientID: "marketing-agent"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, token.Audience)
	// Output: taylor [https://deputy.example/mcp]
}

func TestListensOnLoopbackOnly(t *testing.T) {
	if iss, err := issuer.Start(issuer.Config{Address: "0.0.0.0:0"}); err == nil {
		iss.Close()
		t.Error("an issuer that gives tokens to anybody cannot be reached from outside")
	}
}

func TestDownAndUpAgain(t *testing.T) {
	iss, err := issuer.Start(issuer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer iss.Close()
	iss.SetDown(true)
	if got := status(t, iss.URL()+"/keys"); got != http.StatusServiceUnavailable {
		t.Errorf("an issuer that is down answers 503: got %d", got)
	}
	iss.SetDown(false)
	if got := status(t, iss.URL()+"/keys"); got != http.StatusOK {
		t.Errorf("an issuer that is up again answers 200: got %d", got)
	}
	if got := iss.Fetches(); got != 1 {
		t.Errorf("only answered fetches of the keys are counted: got %d", got)
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
