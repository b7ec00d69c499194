package identity

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// token is what a verified access token says of who is there. Which agent that is, and whether it may, is not decided here.
type token struct {
	user       User   // built as for a human; means nothing when application is set
	client     string // the client that uses the token now; "" when it names none
	delegated  bool   // client is an actor (RFC 8693) and not just who the token was issued to
	subject    string // the client id behind the subject when application is set
	appToken   bool   // the issuer says in so many words that no human is there
	selfIssued bool   // the subject is one of the clients that the token names
}

// read finds the parties in a token. Every claim that could name one must be well-formed, also those that are not used.
func (i *issuer) read(c claims) (*token, error) {
	subject, err := c.id("sub")
	if err != nil || subject == "" {
		return nil, invalid("the access token does not say whom it is about")
	}
	clients, delegated, err := i.clients(c)
	if err != nil {
		return nil, invalid("the access token does not say clearly which client uses it")
	}
	t := &token{delegated: delegated, subject: strings.TrimSuffix(subject, "@clients")} // Auth0 writes CLIENT_ID@clients
	if len(clients) > 0 {
		t.client = clients[0]
	}
	t.selfIssued = slices.Contains(clients, t.subject)
	for claim, value := range map[string]string{"idtyp": "app", "gty": "client-credentials"} { // Entra, Auth0
		kinds, err := c.list(claim)
		if err != nil {
			return nil, invalid("the access token does not say clearly whether a human is there")
		}
		t.appToken = t.appToken || slices.Contains(kinds, value)
	}
	for _, client := range clients {
		if name, err := c.text("preferred_username"); err == nil && strings.EqualFold(name, "service-account-"+client) {
			// Keycloak's client credentials look like a human but for this name, which a human could have chosen:
			// so it can neither count as a human nor give an agent's own access.
			return nil, invalid("the access token is of a service account: let the agent use an API key")
		}
	}
	if t.user, err = i.user(subject, c); err != nil {
		return nil, err
	}
	return t, nil
}

// clients lists the clients that the token names; the first is the one that uses it now. Actors further in are history.
func (i *issuer) clients(c claims) (clients []string, delegated bool, err error) {
	if actor, err := c.object("act"); err != nil {
		return nil, false, err
	} else if actor != nil {
		id, err := actor.id("sub")
		if err != nil || id == "" {
			return nil, false, errShape
		}
		if issuer, err := actor.text("iss"); err != nil || actor.has("iss") && issuer != i.url {
			return nil, false, errShape // somebody else's name for somebody, which may also be one of ours
		}
		clients, delegated = append(clients, id), true
	}
	for _, name := range []string{"client_id", "azp", "appid"} {
		id, err := c.id(name)
		if err != nil {
			return nil, false, err
		}
		if id != "" {
			clients = append(clients, id)
		}
	}
	return clients, delegated, nil
}

// user reads the configured claims. A claim that is there but cannot be read refuses the token: to go on without a group could
// lift a mask that the group is under.
func (i *issuer) user(subject string, c claims) (User, error) {
	unreadable := invalid("the access token's groups or attributes cannot be read")
	user := User{
		Identity: Identity{Kind: KindUser, ID: i.prefix + subject, Attributes: map[string][]string{}},
		Issuer:   i.url,
		Subject:  subject,
		Name:     displayName(c, i.claims.Name),
	}
	elsewhere, err := c.object("_claim_names")
	if err != nil || c.has("hasgroups") || elsewhere.has(i.claims.Groups) {
		return User{}, unreadable // Entra leaves out the groups of those who have many
	}
	groups, err := c.list(i.claims.Groups)
	if err != nil {
		return User{}, unreadable
	}
	user.Groups = union(nil, groups)
	for attribute, claim := range i.claims.Attributes {
		values, err := c.values(claim)
		if err != nil || elsewhere.has(claim) {
			return User{}, unreadable
		}
		if len(values) > 0 {
			user.Attributes[attribute] = union(nil, values)
		}
	}
	return user, nil
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
	if runes := []rune(name); len(runes) > maxID {
		name = string(runes[:maxID])
	}
	return name
}
