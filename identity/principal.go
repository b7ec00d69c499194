package identity

import "slices"

// Mode says whether a human stands behind a call.
type Mode string

// The two modes.
const (
	OnBehalfOf Mode = "on_behalf_of" // agent and user, both verified
	Autonomous Mode = "autonomous"   // the agent alone, verified
)

// Kind tells users from agents. Both are identities with groups and attributes.
type Kind string

// The two kinds.
const (
	KindUser  Kind = "user"
	KindAgent Kind = "agent"
)

// Identity is one party as policies see it: a user or an agent, never a mixture of the two.
type Identity struct {
	Kind       Kind
	ID         string // a user's id or an agent's name, as written in policies (user:ID, agent:NAME)
	Groups     []string
	Attributes map[string][]string
}

// The built-in groups: every user is in the first, every agent in the second. No claim and no configuration can put
// anybody there.
const (
	AllUsers  = "all-users"
	AllAgents = "all-agents"
)

// In reports whether the identity is a member of the group.
func (i Identity) In(group string) bool {
	switch group {
	case AllUsers:
		return i.Kind == KindUser
	case AllAgents:
		return i.Kind == KindAgent
	}
	return slices.Contains(i.Groups, group)
}

// Has reports whether one of the values of the attribute is value.
func (i Identity) Has(attribute, value string) bool {
	return slices.Contains(i.Attributes[attribute], value)
}

// Agent is a registered agent. Only what the configuration says is in it; nothing an agent says of itself.
type Agent struct {
	Identity
	Modes []Mode
	// who answers for it: a user's id or e-mail address; that person does not decide on what the agent asks for
	Owner    string
	Disabled bool // it is refused, whatever it proves
	Limits   Limits

	NamedOnly  bool // it runs the queries of the configuration, and no SQL of its own
	MayRequest bool // when it acts alone, it may ask for more access for itself
}

// Limits are how much of the server one agent may take, whoever it acts for. Zero: no more limited than others.
type Limits struct {
	Concurrent int // calls at once
	PerMinute  int // calls that begin
	Rows       int // rows of one answer
	Answer     int // tokens of each copy of one answer
}

// May reports whether the agent's registration allows the mode.
func (a Agent) May(m Mode) bool { return slices.Contains(a.Modes, m) }

// User is a human whose token was verified. The key is (Issuer, Subject), where Subject is what the configured claims
// say; Name is for people to read and decides nothing.
type User struct {
	Identity
	Issuer  string
	Subject string
	Name    string
	Email   string // as the issuer says it; tells that two accounts are one person's, and never who somebody is

	// Odd says, by the names of claims, what of the token stands for no value. It is for the record and decides nothing.
	Odd []string

	// Waiting is the same human as a configuration makes them that is not in force yet: see Both. Nil: none waits. In a
	// Principal it is not set: the whole principal has one.
	Waiting *User
}

// Principal is who makes a call: always an agent, and the human it acts for, if any.
type Principal struct {
	Agent Agent
	User  *User // nil when the agent acts on its own

	// Purpose is what the call is said to be for: one of those the configuration defines, or empty. Unlike the rest it is
	// declared and not verified; it is on the record.
	Purpose string

	// Waiting is the same caller as a configuration makes them that is not in force yet: see Both. Its policies judge this
	// one, so that groups of the one never meet policies of the other. Nil: none waits.
	Waiting *Principal

	// Scopes are the ceilings that the access token names, and Limited says that they hold: see Allows.
	Scopes  []Scope
	Limited bool

	prefix string // what clients write before a scope when they ask the token's issuer for it

	// What follows is for the record and decides nothing.

	Actors     []string // the whole chain of those who act, the one that acts now first; nil without an act claim
	Credential string   // what the agent was proved by: "access token", "key 3f2a91c0"
}

// Mode is derived, so that a principal cannot claim one and be the other.
func (p Principal) Mode() Mode {
	if p.User != nil {
		return OnBehalfOf
	}
	return Autonomous
}

// Judged is the identity that masks, row filters and guardrails are judged on: the human if there is one, else the
// agent.
func (p Principal) Judged() Identity {
	if p.User != nil {
		return p.User.Identity
	}
	return p.Agent.Identity
}
