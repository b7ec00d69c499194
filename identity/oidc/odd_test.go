package oidc

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"deputy/identity"
)

// One odd element of a claim is no value, and the rest of the token counts; the record names the claim. What may hold
// a value that cannot be read refuses the token.
func TestOddElements(t *testing.T) {
	for _, test := range []struct {
		claims  string
		groups  []string
		country []string
		odd     []string // the claims that are named
	}{
		{`{"groups":["Staff",null],"country":"EU"}`, []string{"Staff"}, []string{"EU"}, []string{"groups"}},
		{
			`{"groups":["Staff",""],"country":["EU",null]}`,
			[]string{"Staff"}, []string{"EU"},
			[]string{"groups", "country"},
		},
		{`{"groups":null,"country":""}`, nil, nil, []string{"groups", "country"}},
		{`{"groups":["Staff",7],"country":[1,true]}`, []string{"Staff", "7"}, []string{"1", "true"}, nil},
		{`{"groups":7}`, []string{"7"}, nil, nil},
		{`{"groups":[],"country":[]}`, nil, nil, nil},
	} {
		i := &issuer{url: "https://issuer.test"}
		i.claims.Groups, i.claims.Attributes = "groups", map[string]string{"residency": "country"}
		u, err := i.user("taylor", parsed(t, test.claims))
		if err != nil || !slices.Equal(u.Groups, test.groups) || !slices.Equal(u.Attributes["residency"], test.country) {
			t.Errorf("%s is read as %q %q: %v", test.claims, u.Groups, u.Attributes, err)
		}
		if len(u.Odd) != len(test.odd) {
			t.Errorf("of %s the record has %q", test.claims, u.Odd)
			continue
		}
		for k, claim := range test.odd {
			if !strings.Contains(u.Odd[k], `"`+claim+`"`) {
				t.Errorf("of %s the record has %q, and not %s", test.claims, u.Odd, claim)
			}
		}
	}
}

// A claim of an object is found by its path; one whose own name has dots comes first.
func TestNestedClaims(t *testing.T) {
	for _, test := range []struct {
		path, claims string
		want         []string // nil: the token is refused
	}{
		{"realm_access.roles", `{"realm_access":{"roles":["Staff"]}}`, []string{"Staff"}},
		{"a.b.c", `{"a":{"b":{"c":"Staff"}}}`, []string{"Staff"}},
		{"https://shop.example/groups", `{"https://shop.example/groups":["Staff"],"https":{}}`, []string{"Staff"}},
		{"https://shop.example/access.roles", `{"https://shop.example/access":{"roles":"Staff"}}`, []string{"Staff"}},
		{"a.b", `{"a.b":"Staff","a":{"b":"Others"}}`, []string{"Staff"}},
		{"realm_access.roles", `{"realm_access":"Staff"}`, []string{}},
		{"realm_access.roles", `{}`, []string{}},
		{"realm_access.roles", `{"realm_access":{"roles":[{"name":"Staff"}]}}`, nil},
		{"realm_access.roles", `{"_claim_names":{"realm_access":"graph"}}`, nil},
	} {
		i := &issuer{url: "https://issuer.test"}
		i.claims.Groups = test.path
		u, err := i.user("taylor", parsed(t, test.claims))
		why, refused := errors.AsType[*identity.AuthError](err)
		refused = refused && why.Code == identity.InsufficientAccess && strings.Contains(why.Message, test.path)
		if test.want == nil && !refused || test.want != nil && (err != nil || !slices.Equal(u.Groups, test.want)) {
			t.Errorf("%s of %s is read as %q: %v", test.path, test.claims, u.Groups, err)
		}
	}
}

func parsed(t *testing.T, text string) (c claims) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
