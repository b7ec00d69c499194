package oidc_test

import (
	"errors"
	"testing"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
)

func TestAProcessKeepsToTheFirstHumanItServed(t *testing.T) {
	w := newWorld(t)
	other := startIssuer(t, w.clock)
	a := newAuthenticator(t, identity.Config{Issuers: []identity.IssuerConfig{
		{Name: "one", URL: w.issuer.URL(), Audience: audience}, {Name: "two", URL: other.URL(), Audience: audience},
	}}, w.clock)
	pin := identity.NewPin(a)
	ask := func(token string) error {
		_, err := pin.Authenticate(t.Context(), identity.Credentials{AgentKey: helperKey, UserToken: token})
		return err
	}
	human := func(i *issuer.Issuer, sub, name string) string {
		return i.Token(issuer.Claims{Subject: sub, Name: name})
	}

	if err := ask("rubbish"); code(err) != identity.InvalidToken {
		t.Errorf("a call of nobody pins nobody: got %v", err)
	}
	if err := ask(human(w.issuer, "taylor", "Taylor")); err != nil {
		t.Fatal(err)
	}
	if err := ask(human(w.issuer, "taylor", "Taylor, who has married")); err != nil {
		t.Errorf("a human is who they were, by whatever name and token: got %v", err)
	}
	for name, token := range map[string]string{
		"another subject":                      human(w.issuer, "kim", "Taylor"),
		"the same subject at another issuer":   human(other, "taylor", "Taylor"),
		"a subject that differs in its letter": human(w.issuer, "Taylor", "Taylor"),
	} {
		if err := ask(token); code(err) != identity.InsufficientAccess || !errors.Is(err, identity.ErrAnotherHuman) {
			t.Errorf("%s is somebody else: got %v", name, err)
		}
	}
	if err := ask(human(w.issuer, "taylor", "Taylor")); err != nil {
		t.Errorf("the first is served on: got %v", err)
	}
}

func TestAfterAHumanNoCallIsTheAgentsAlone(t *testing.T) {
	w := newWorld(t)
	pin := identity.NewPin(w)
	alone := identity.Credentials{AgentKey: reporterKey}
	if _, err := pin.Authenticate(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	with := alone
	with.UserToken = w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "reporter-client"})
	if _, err := pin.Authenticate(t.Context(), with); err != nil {
		t.Fatal(err)
	}
	if _, err := pin.Authenticate(t.Context(), alone); !errors.Is(err, identity.ErrAnotherHuman) {
		t.Errorf("a token that was taken away does not leave the agent alone: got %v", err)
	}
}
