package oidc_test

import (
	"testing"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// What gives compares names byte by byte; what takes away stops a user in every spelling of their id or address.
func TestNamesGiveExactly(t *testing.T) {
	const id, email = "Kim@Example.com", "k.lee@example.com"
	claims := issuer.Claims{Subject: id, ClientID: "marketing-client", Extra: map[string]any{"email": email}}
	for name, same := range map[string]bool{
		id: true, "kim@example.com": false, "kim@example.com.": false, "kim@example。com": false, "mailto:Kim@Example.com": false,
		"ki\u00adm@example.com": false, email: false, "K.Lee@EXAMPLE.com": false,
	} {
		disabled := newWorld(t, func(c *identity.Config) { c.Users = []identity.UserConfig{{ID: name, Disabled: true}} })
		if _, err := disabled.bearer(disabled.issuer.Token(claims), ""); code(err) != identity.InsufficientAccess {
			t.Errorf("disabled: %q does not stop %s: %v", name, id, err)
		}
		if _, err := disabled.SignedIn(t.Context(), disabled.issuer.Token(claims)); code(err) != identity.InsufficientAccess {
			t.Errorf("disabled: %q lets %s sign in: %v", name, id, err)
		}
		given := newWorld(
			t,
			func(c *identity.Config) { c.Users = []identity.UserConfig{{ID: name, Groups: []string{"Finance"}}} },
		)
		if p, err := given.bearer(given.issuer.Token(claims), ""); err != nil || p.User.In("Finance") != same {
			t.Errorf("groups: those of %q are given to %s: %t (%v)", name, id, !same, err)
		}
	}
	w := newWorld(t, func(c *identity.Config) {
		c.Users = []identity.UserConfig{{ID: "\u200b", Disabled: true}, {ID: "kim", Disabled: true}}
	})
	if _, err := w.bearer(w.issuer.Token(taylor()), ""); err != nil {
		t.Errorf("another user is stopped: %v", err)
	}
}

// acts_for gives: the id is compared byte by byte.
func TestActsForGivesExactly(t *testing.T) {
	w := newWorld(t)
	for name, may := range map[string]bool{"user:taylor": true, "user:Taylor": false, "user:taylor.": false, "user:ｔaylor": false, "group:marketing": false} {
		config := agents()
		config[0].ActsFor = []string{name}
		registry, err := identity.NewRegistry(config)
		if err != nil {
			t.Fatal(err)
		}
		a, err := oidc.New(
			t.Context(),
			identity.Config{Issuers: []identity.IssuerConfig{{URL: w.issuer.URL(), Audience: audience}}},
			registry,
			oidc.Options{Now: w.clock.Now},
		)
		if err != nil {
			t.Fatal(err)
		}
		given := identity.Credentials{Bearer: w.issuer.Token(taylor())}
		if _, err := a.Authenticate(t.Context(), given); (err == nil) != may {
			t.Errorf("%s acts for taylor: %v", name, err)
		}
	}
}
