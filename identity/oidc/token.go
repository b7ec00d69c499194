package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"deputy/identity"
)

// maxActors is how many hands an authority may have passed through.
const maxActors = 8

// read finds the parties in a token. Every claim that could name one must be well-formed, also those that are not used.
func (i *issuer) read(c claims) (*identity.Token, error) {
	subject, err := c.id("sub")
	if err != nil || subject == "" {
		return nil, invalid("the access token does not say whom it is about")
	}
	t := &identity.Token{
		Issuer: i.url, IssuerName: i.name, ScopePrefix: i.scopePrefix,
		Subject: strings.TrimSuffix(subject, "@clients"), // Auth0 writes CLIENT_ID@clients
	}
	if t.Actors, err = i.actors(c); err != nil {
		return nil, err
	}
	named, all, err := i.clients(c)
	if err != nil {
		return nil, invalid("the access token does not say clearly which client uses it")
	}
	if t.Client = named; len(t.Actors) > 0 {
		t.Client, t.Delegated = t.Actors[0], true
		all = append([]string{t.Client}, all...)
	}
	t.Clients, t.ForPeople = all, i.forPeople(t.Client)
	t.SelfIssued = slices.Contains(all, t.Subject)
	if t.Application, err = i.product(c, subject, named); err != nil {
		return nil, err
	}
	for claim, value := range map[string]string{"idtyp": "app", "gty": "client-credentials"} { // Entra, Auth0
		kinds, err := c.list(claim)
		if err != nil {
			return nil, invalid("the access token does not say clearly whether a human is there")
		}
		t.Application = t.Application || slices.Contains(kinds, value)
	}
	for _, client := range all {
		if name, err := c.text("preferred_username"); err == nil && strings.EqualFold(name, "service-account-"+client) {
			// Keycloak's client credentials look like a human but for this name, which a human could have chosen:
			// so it can neither count as a human nor give an agent's own access.
			return nil, invalid("the access token is of a service account: let the agent use an API key")
		}
	}
	if t.Scopes, t.Limited, err = i.scopes(c); err != nil {
		return nil, err
	}
	key, err := i.userKey(c, t.Application || t.SelfIssued)
	if err != nil {
		return nil, err
	}
	if t.User, err = i.user(key, c); err != nil {
		return nil, err
	}
	return t, nil
}

// actors are all who act, outermost first: it alone counts, the others are for the record. A may_act says who might act
// and not who does: it is not read.
func (i *issuer) actors(c claims) (all []string, err error) {
	unclear := invalid("the access token does not say clearly who acts")
	for at := c; ; {
		actor, err := at.object("act")
		if err != nil {
			return nil, unclear
		}
		if actor == nil {
			return all, nil
		}
		if len(all) == maxActors {
			return nil, invalid("the access token has passed through too many hands")
		}
		id, err := actor.id("sub")
		if err != nil || id == "" {
			return nil, unclear
		}
		if _, _, err := i.clients(actor); err != nil {
			return nil, unclear
		}
		issuer, err := actor.id("iss")
		switch {
		case err != nil, actor.has("iss") && issuer != i.url && len(all) == 0:
			return nil, unclear // somebody else's name for somebody, which may also be one of ours
		case issuer != "" && issuer != i.url:
			id = issuer + " " + id
		}
		all, at = append(all, id), actor
	}
}

// commonClients are the claims that name a client at one issuer or another.
var commonClients = []string{"client_id", "azp", "appid", "cid"}

// clients lists the clients that the token names beside its actors. Only the configured claims say which of them uses
// it.
func (i *issuer) clients(c claims) (uses string, all []string, err error) {
	for n, name := range append(slices.Clip(i.claims.Client), commonClients...) {
		id, err := c.id(name)
		if err != nil {
			return "", nil, err
		}
		if id == "" {
			continue
		}
		if uses == "" && n < len(i.claims.Client) {
			uses = id
		}
		all = append(all, id)
	}
	return uses, all, nil
}

// scopes reads the first of the configured claims that is there; all that are there can be read. Words that mean
// nothing here are left out.
func (i *issuer) scopes(c claims) (scopes []identity.Scope, limited bool, err error) {
	var words []string
	stated := false
	for _, claim := range i.claims.Scopes {
		found, err := c.words(claim)
		if err != nil {
			return nil, false, invalid("the access token's scopes cannot be read")
		}
		if c.has(claim) && !stated {
			words, stated = found, true
		}
	}
	for _, word := range words {
		if s := identity.Scope(strings.TrimPrefix(word, i.scopePrefix)); slices.Contains(identity.AgentScopes(), s) ||
			s == identity.ScopeApprove {
			scopes = append(scopes, s)
		}
	}
	return scopes, i.scopeRule == identity.ScopesRequired || i.scopeRule == identity.ScopesWhenPresent && stated, nil
}

// userKey is which user of the issuer it is. Where several claims say so together, none can be written so that it looks
// like two: the colon between them stands in none of them. An application need not have them.
func (i *issuer) userKey(c claims, application bool) (string, error) {
	var parts []string
	for _, claim := range i.claims.User {
		id, err := c.id(claim)
		if err != nil || id == "" && !application {
			return "", invalid("the access token does not say whom it is about")
		}
		parts = append(parts, id)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	for n, part := range parts {
		parts[n] = colons.Replace(part)
	}
	return strings.Join(parts, ":"), nil
}

var colons = strings.NewReplacer("%", "%25", ":", "%3A")

// user reads the configured claims. A claim that is there but cannot be read refuses the token: to go on without a
// group could lift a mask that the group is under. Null and the empty text are no value, which no policy can name.
func (i *issuer) user(key string, c claims) (identity.User, error) {
	user := identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: i.prefix + key, Attributes: map[string][]string{}},
		Issuer:   i.url,
		Subject:  key,
		Name:     displayName(c, i.claims.Name),
		Email:    displayName(c, i.claims.Email),
	}
	elsewhere, err := c.object("_claim_names")
	if err != nil || c.has("hasgroups") || elsewhere.points(i.claims.Groups) {
		return identity.User{}, unreadable(i.claims.Groups) // Entra leaves out the groups of those who have many
	}
	groups, odd, err := c.values(i.claims.Groups)
	if err != nil {
		return identity.User{}, unreadable(i.claims.Groups)
	}
	user.Groups = unique(groups)
	user.Odd = noteOdd(user.Odd, odd, i.claims.Groups)
	for _, attribute := range slices.Sorted(maps.Keys(i.claims.Attributes)) {
		claim := i.claims.Attributes[attribute]
		values, odd, err := c.values(claim)
		if err != nil || elsewhere.points(claim) {
			return identity.User{}, unreadable(claim)
		}
		if len(values) > 0 {
			user.Attributes[attribute] = unique(values)
		}
		user.Odd = noteOdd(user.Odd, odd, claim)
	}
	return user, nil
}

// unreadable refuses a token for a claim of the configuration. Another token of the same sort would not do: it is no
// question of who the human is, but of what may be known of them.
func unreadable(claim string) error {
	return &identity.AuthError{
		Code:    identity.InsufficientAccess,
		Message: fmt.Sprintf("the access token's claim %q, which says what its human may do, cannot be read", claim),
	}
}

func noteOdd(all []string, odd bool, claim string) []string {
	if odd {
		all = append(all, fmt.Sprintf("the claim %q of the access token has an element that is no value", claim))
	}
	return all
}

// displayName decides nothing, so it refuses nothing: what cannot be shown is left out.
func displayName(c claims, claim string) string {
	var name string
	if json.Unmarshal(c[claim], &name) != nil {
		return ""
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	if runes := []rune(name); len(runes) > identity.MaxID {
		name = string(runes[:identity.MaxID])
	}
	return name
}

// unique are the values in their order, each once. The result shares no memory with them.
func unique(values []string) (out []string) {
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// forPeople reports whether people act themselves through the client.
func (i *issuer) forPeople(client string) bool {
	return client != "" && slices.Contains(i.stewards, client)
}
