package oidc_test

import (
	"context"
	"testing"

	"deputy/identity"
	"deputy/identity/oidc"
)

// A configuration that is read again while an issuer is down goes on with the keys that are here, unless the issuer is
// another one.
func TestKeysOutliveReload(t *testing.T) {
	w := newWorld(t)
	token := w.issuer.Token(taylor())
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	url := w.issuer.URL()
	w.issuer.Close()
	for name, test := range map[string]struct {
		algorithms []string
		want       identity.Code
	}{
		"the same issuer":             {nil, ""},
		"taken with other algorithms": {[]string{"ES512"}, identity.InvalidToken},
	} {
		config := identity.Config{Issuers: []identity.IssuerConfig{
			{URL: url, Audience: audience, Algorithms: test.algorithms},
		}}
		options := oidc.Options{Now: w.clock.Now, Before: w.Authenticator}
		a, err := oidc.New(context.Background(), config, registry, options)
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = a.Authenticate(context.Background(), identity.Credentials{Bearer: token, ClientAddress: "192.0.2.1"})
		if code(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
