package oidc

import (
	"maps"
	"slices"

	"deputy/identity"
)

// preset is what a kind stands for where the configuration says nothing of its own.
type preset struct {
	user, client, scopes []string // claims
	types                []string // JOSE types of access tokens
}

var presets = map[identity.IssuerKind]preset{
	identity.Generic: {
		user:   []string{"sub"},
		client: []string{"client_id", "azp", "appid"},
		scopes: []string{"scope", "scp"},
		types:  []string{"at+jwt"},
	},
	// The sub of Entra is another one for every application. oid is the person's, and only unique within tid.
	identity.Entra: {
		user:   []string{"tid", "oid"},
		client: []string{"azp", "appid"},
		scopes: []string{"scp"},
		types:  []string{"JWT"},
	},
	// The sub of Okta is what people sign in with, mostly an e-mail address. Its headers have no type.
	identity.Okta: {
		user:   []string{"uid"},
		client: []string{"cid"},
		scopes: []string{"scp"},
		types:  []string{"at+jwt", ""},
	},
	identity.Auth0: {
		user:   []string{"sub"},
		client: []string{"azp", "client_id"},
		scopes: []string{"scope"},
		types:  []string{"at+jwt", "JWT"},
	},
	identity.Keycloak: {
		user:   []string{"sub"},
		client: []string{"azp"},
		scopes: []string{"scope"},
		types:  []string{"at+jwt", "JWT"},
	},
}

func kinds() (names []string) {
	for _, kind := range slices.Sorted(maps.Keys(presets)) {
		names = append(names, string(kind))
	}
	return names
}

// product is what the product behind an issuer is known to do. It refuses what it signs beside access tokens under a
// type that access tokens have too, and says which of these have no human in them, though they look as if they had.
func (i *issuer) product(c claims, subject string, client string) (application bool, err error) {
	if i.kind != identity.Generic && client == "" {
		return false, invalid("the access token names no client, as an ID token does: an access token is wanted")
	}
	switch i.kind {
	case identity.Entra:
		return entraApplication(c, subject)
	case identity.Keycloak:
		if kind, err := c.text("typ"); err != nil || kind == "" { // checkKind knows which ones are
			return false, invalid("this is not an access token: its claims do not say that it is one")
		}
		if c.has("clientHost") || c.has("clientAddress") {
			return false, invalid("the access token is of a service account: let the agent use an API key")
		}
	}
	return false, nil
}

// entraApplication tells a token of client credentials from one with a human in it. idtyp says so where somebody
// switched it on. Else only the latter has scp, and in the former alone sub and oid are the same. What fits neither is
// refused.
func entraApplication(c claims, subject string) (bool, error) {
	object, err := c.id("oid")
	kind, err2 := c.text("idtyp")
	if err != nil || err2 != nil {
		return false, invalid("the access token does not say clearly whether a human is there")
	}
	switch scoped, same := c.has("scp"), object == subject; {
	case kind == "app", kind == "" && !scoped && same:
		return true, nil
	case kind == "user", kind == "" && scoped && !same:
		return false, nil
	}
	return false, invalid("the access token does not say clearly whether a human is there")
}
