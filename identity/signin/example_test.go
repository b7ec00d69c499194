package signin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/signin"
	"deputy/internal/testkit/issuer"
)

// Somebody signs in once, and from then on there is a token that is good for a while.
func Example() {
	const server = "https://deputy.example.com/mcp"
	iss, err := issuer.Start(issuer.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer iss.Close()
	iss.SignIn(&issuer.Claims{Subject: "taylor"})
	folder, err := os.MkdirTemp("", "sign-in")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	ctx := context.Background()
	registry, _ := identity.NewRegistry(nil)
	a, err := oidc.New(
		ctx,
		identity.Config{Issuers: []identity.IssuerConfig{{URL: iss.URL(), Audience: server}}},
		registry,
		oidc.Options{},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	store := &signin.Store{Folder: filepath.Join(folder, "sign-in")}
	target := signin.Target{
		Server:   server,
		Issuer:   iss.URL(),
		Audience: server,
		Login:    identity.LoginConfig{ClientID: "deputy-login"},
		Command:  "deputy login",
		Verify:   a.SignedIn,
	}
	who, err := store.Login(ctx, target, signin.Flow{Out: io.Discard, Browser: func(address string) error {
		go http.Get(address)
		return nil
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := store.Token(ctx, target)
	fmt.Println(who.User.ID, token != "", err)
	// Output: taylor true <nil>
}
