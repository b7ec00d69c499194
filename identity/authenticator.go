package identity

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"deputy/internal/mistake"
)

// Options are what an Authenticator needs besides the configuration. The zero value is useful.
type Options struct {
	Now   func() time.Time // default time.Now
	Stops Stops            // the list of stops beside the configuration; nil: there is none
}

// Stops is who is refused now, whatever the configuration says. It is asked for every principal anew.
type Stops interface {
	// Refuses returns why the agent or the human of a principal is refused; nil: neither is. A principal without an
	// agent is a human who acts in person. The cause of the error is ErrStopped.
	Refuses(Principal) *AuthError
}

// Credentials are what came with one call. It prints as nothing, so that it cannot be logged by mistake.
type Credentials struct {
	Bearer    string `json:"-"` // HTTP's bearer token: an access token, or an agent's API key
	Proof     *Proof `json:"-"` // set when the access token came with the DPoP scheme instead
	AgentKey  string `json:"-"` // the API key where it has a place of its own: stdio
	UserToken string `json:"-"` // the human's access token, relayed by an agent that proves itself by key
	// ClientAddress is where the call came from on the network, the proxy's word for it if there is a trusted one.
	ClientAddress string `json:"-"`
}

func (Credentials) String() string { return "credentials" }

// GoString hides the credentials from %#v as well.
func (Credentials) GoString() string { return "identity.Credentials{}" }

// Authenticator turns credentials into principals. Its methods may be called concurrently.
type Authenticator struct {
	tokens   Tokens
	registry *Registry
	users    map[string]Identity // what the configuration says of users, by id
	disabled map[string]bool     // the ids of disabled users, as spelled
	now      func() time.Time
	stops    Stops
}

// New makes an Authenticator of the configuration, its agents, and what verifies the access tokens of its issuers. It
// checks what the configuration says of users, and what agents and issuers say of each other. Its error is a
// *ConfigError, or says that an argument is missing.
func New(config Config, registry *Registry, tokens Tokens, opts Options) (*Authenticator, error) {
	if registry == nil || tokens == nil {
		return nil, errors.New("identity needs a registry of agents and a verifier of tokens")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	var wrong Problems
	users := configuredUsers(config, &wrong)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	if err := registry.Fits(config); err != nil {
		return nil, err
	}
	return &Authenticator{
		tokens: tokens, registry: registry, users: users, disabled: disabledUsers(config.Users),
		now: opts.Now, stops: opts.Stops,
	}, nil
}

// CheckUsers says what is wrong with what the configuration says of users.
func (c Config) CheckUsers(wrong *Problems) { configuredUsers(c, wrong) }

func configuredUsers(c Config, wrong *Problems) map[string]Identity {
	users, seen := map[string]Identity{}, map[string]string{}
	for i, config := range c.Users {
		key := mistake.At("identity.users", i)
		first, twice := seen[config.ID]
		switch {
		case config.ID == "":
			wrong.Add(key+".id", "missing: write the sub of the user's tokens")
		case twice:
			wrong.Add(key+".id", "%s is that user already: say all that is known of one in one place", first)
		case !c.nameable(config.ID):
			wrong.Add(
				key+".id",
				"%q is nobody's id: with several issuers an id is ISSUER/SUB, with the name of one of them",
				config.ID,
			)
		}
		seen[config.ID] = key
		users[config.ID] = identityOf(KindUser, config.ID, config.Groups, config.Attributes, key, wrong)
	}
	return users
}

// disabledUsers are the names that stop a user, in the spelling of User.Named.
func disabledUsers(configs []UserConfig) map[string]bool {
	out := map[string]bool{}
	for _, config := range configs {
		if config.Disabled {
			out[spelled(config.ID)] = true
		}
	}
	return out
}

// disables reports whether the configuration disables the user, by an id or an e-mail address in any of its spellings.
func (a *Authenticator) disables(u User) bool {
	return slices.ContainsFunc(u.names(), func(name string) bool { return a.disabled[spelled(name)] })
}

// UserPrefix is what the ids of an issuer's users begin with; empty when it is the only issuer.
func (c Config) UserPrefix(issuer IssuerConfig) string {
	if len(c.Issuers) > 1 {
		return issuer.Name + "/"
	}
	return ""
}

// nameable reports whether a token of one of the issuers can have this user id.
func (c Config) nameable(id string) bool {
	for _, issuer := range c.Issuers {
		if strings.HasPrefix(id, c.UserPrefix(issuer)) {
			return true
		}
	}
	return len(c.Issuers) == 0
}

// Ready says which issuers' keys are not to be had now. Their users cannot be verified until they are; others can.
func (a *Authenticator) Ready(ctx context.Context) error { return a.tokens.Ready(ctx) }

// Authenticate verifies the credentials of one call. Errors are *AuthError.
//
// An access token names the human and the agent. An API key proves the agent alone, which may relay the human's access
// token; that token must then be one that was issued to this agent or, if the agent has no client ids, one that was not
// issued to another agent.
func (a *Authenticator) Authenticate(ctx context.Context, c Credentials) (Principal, error) {
	key, bearer, err := c.sort()
	if err != nil {
		return Principal{}, err
	}
	if key == "" {
		t, err := a.tokens.Verify(ctx, bearer, c.ClientAddress, c.Proof)
		if err != nil {
			return Principal{}, err
		}
		return a.byToken(t)
	}
	k := a.registry.byKey(key)
	if k == nil {
		return Principal{}, invalid("the agent key is not known here")
	}
	p := Principal{Agent: k.owner.agent, Credential: KeyName(hex.EncodeToString(k.hash[:]))}
	if k.expires.Passed(a.now()) {
		return Principal{}, invalid("the agent key has expired").of(p)
	}
	if why := a.stopped(p); why != nil { // before its user's token is looked at
		return Principal{}, why
	}
	if c.UserToken == "" {
		return autonomous(p)
	}
	t, err := a.tokens.Verify(ctx, c.UserToken, c.ClientAddress, nil) // a relayed token has no proof of this request
	if err != nil {
		return Principal{}, err
	}
	return a.relayed(k.owner, p, t)
}

// sort tells the two ways to authenticate apart, and refuses what could be meant as either.
func (c Credentials) sort() (key, bearer string, err error) {
	key, bearer = c.AgentKey, c.Bearer
	if isKey(bearer) {
		if key != "" {
			return "", "", invalid("there are two agent keys: send one")
		}
		key, bearer = bearer, ""
	}
	switch {
	case key != "" && c.Proof != nil:
		return "", "", invalid("an agent key is not bound to a key: it is for the Bearer scheme")
	case key != "" && bearer != "":
		return "", "", invalid(
			"there are an agent key and an access token as bearer: relay the user's token in its own place",
		)
	case bearer != "" && c.UserToken != "":
		return "", "", invalid("there are two access tokens: only an agent that authenticates with its key relays one")
	case key == "" && bearer == "":
		return "", "", &AuthError{Code: Missing, Message: "no credential: send an access token or an agent key"}
	}
	return key, bearer, nil
}

// byToken is the principal of an access token alone.
func (a *Authenticator) byToken(t *Token) (Principal, error) {
	entry := a.registry.clients[t.Client]
	if t.Client == "" || entry == nil {
		why := insufficient("the access token is used by a client that is not a registered agent").
			of(a.describe(Principal{}, t))
		why.Client = t.Client
		return Principal{}, why
	}
	p := a.describe(Principal{Agent: entry.agent, Credential: AccessToken}, t)
	if why := a.stopped(p); why != nil {
		return Principal{}, why
	}
	switch {
	case !entry.brings(t.IssuerName, t.Issuer):
		return Principal{}, insufficient("agent %s may not bring tokens of this issuer", entry.agent.ID).of(p)
	case !a.application(t):
		return a.onBehalf(entry, p)
	}
	owner := a.registry.clients[t.Subject]
	if owner == entry || owner == nil && t.Application && !t.Delegated {
		return autonomous(p)
	}
	return Principal{}, insufficient("the access token stands for another application, not for a human").of(p)
}

// relayed is the principal of an agent that proved itself by key and brought a human's token.
func (a *Authenticator) relayed(entry *registration, p Principal, t *Token) (Principal, error) {
	p = a.describe(p, t)
	if why := a.stopped(p); why != nil {
		return Principal{}, why
	}
	if a.application(t) {
		return Principal{}, insufficient("the relayed token does not stand for a human").of(p)
	}
	owner := a.registry.clients[t.Client]
	if owner != entry && (owner != nil || t.Delegated || len(entry.clients) > 0) {
		return Principal{}, insufficient("the relayed token was not issued to agent %s", entry.agent.ID).of(p)
	}
	if !entry.brings(t.IssuerName, t.Issuer) {
		return Principal{}, insufficient("agent %s may not bring tokens of this issuer", entry.agent.ID).of(p)
	}
	return a.onBehalf(entry, p)
}

// AccessToken is what records call the credential of an agent that is named by a token.
const AccessToken = "access token"

// describe adds to a principal what the token says of it: the human, who passed the authority on, and what it is
// limited to.
func (a *Authenticator) describe(p Principal, t *Token) Principal {
	p.Scopes, p.Limited, p.Actors, p.prefix = t.Scopes, t.Limited, t.Actors, t.ScopePrefix
	if p.Credential == "" {
		p.Credential = AccessToken
	}
	if !a.application(t) {
		user := a.complete(t.User)
		p.User = &user
	}
	return p
}

// complete adds to a user what the configuration knows.
func (a *Authenticator) complete(user User) User {
	if known, ok := a.users[user.ID]; ok {
		user.Groups, user.Attributes = union(slices.Clip(user.Groups), known.Groups), maps.Clone(user.Attributes)
		for name, values := range known.Attributes {
			user.Attributes[name] = union(slices.Clip(user.Attributes[name]), values)
		}
	}
	return user
}

// application reports whether the subject is a client and not a human.
func (a *Authenticator) application(t *Token) bool {
	return t.Application || t.SelfIssued || a.registry.clients[t.Subject] != nil
}

// onBehalf is the last question: may this agent act for this human?
func (a *Authenticator) onBehalf(entry *registration, p Principal) (Principal, error) {
	switch {
	case !p.Agent.May(OnBehalfOf):
		return Principal{}, insufficient("agent %s may not act on behalf of a human", p.Agent.ID).of(p)
	case !entry.actsFor.include(p.User.Identity):
		return Principal{}, insufficient("agent %s may not act for this human", p.Agent.ID).of(p)
	}
	return p, nil
}

func autonomous(p Principal) (Principal, error) {
	if p.User = nil; !p.Agent.May(Autonomous) {
		why := insufficient(
			"agent %s may not act on its own: it needs the access token of the human who asks",
			p.Agent.ID,
		).of(p)
		return Principal{}, &AgentOnly{why, p.Agent}
	}
	return p, nil
}

// stopped is why a principal is refused although it proved who it is: the configuration or the list of stops says so.
// It is the one place that asks either, and comes as soon as a part of the principal is known; nil: neither refuses it.
func (a *Authenticator) stopped(p Principal) *AuthError {
	switch {
	case p.Agent.Disabled:
		return Stopped(p, "agent %s is disabled", p.Agent.ID)
	case p.User != nil && a.disables(*p.User):
		return Stopped(p, "the human whom the token names is disabled here")
	case a.stops != nil:
		return a.stops.Refuses(p)
	}
	return nil
}

// Stopped makes the refusal of a principal that an administrator has stopped.
func Stopped(p Principal, format string, args ...any) *AuthError {
	why := insufficient(format, args...).of(p)
	why.Cause = ErrStopped
	return why
}
