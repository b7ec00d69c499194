package oidc_test

import (
	"context"
	"fmt"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// Taylor asks the marketing agent, whose host sends Taylor's access token along. The agent alone gets nowhere.
func Example() {
	ctx := context.Background()
	iss, err := issuer.Start(issuer.Config{Audience: "https://deputy.example/mcp"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer iss.Close()

	registry, err := identity.NewRegistry([]identity.AgentConfig{
		{Name: "marketing", ClientIDs: []string{"marketing-client"}, Groups: []string{"Agents"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := oidc.New(ctx, identity.Config{
		Issuers: []identity.IssuerConfig{{URL: iss.URL(), Audience: "https://deputy.example/mcp"}},
		Users:   []identity.UserConfig{{ID: "taylor", Groups: []string{"Berlin"}}},
	}, registry, oidc.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	token := iss.Token(issuer.Claims{Subject: "taylor", ClientID: "marketing-client", Groups: []string{"Marketing"}})
	p, err := auth.Authenticate(ctx, identity.Credentials{Bearer: token})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Mode(), p.Agent.ID, p.Agent.Groups, p.User.ID, p.User.Groups)

	alone := iss.Token(issuer.Claims{Subject: "marketing-client", ClientID: "marketing-client"})
	_, err = auth.Authenticate(ctx, identity.Credentials{Bearer: alone})
	fmt.Println(err)
	// Output:
	// on_behalf_of marketing [Agents] taylor [Marketing Berlin]
	// insufficient_access: agent marketing may not act on its own: it needs the access token of the human who asks
}
