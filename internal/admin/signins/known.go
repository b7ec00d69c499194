package signins

import (
	"context"
	"os"
	"time"

	"deputy/identity"
	"deputy/identity/signin"
)

// Known is a signed-in person, as JSON has them. It is for scripts: names in it stay.
type Known struct {
	ID         string              `json:"id"`
	Name       string              `json:"name,omitempty"`
	Issuer     string              `json:"issuer"`
	Subject    string              `json:"subject"`
	Groups     []string            `json:"groups"`
	Attributes map[string][]string `json:"attributes"`
	Client     string              `json:"client,omitempty"`
	Audience   string              `json:"audience"`
	Expires    *time.Time          `json:"expires,omitempty"`
	Agent      *Agent              `json:"agent,omitempty"`
}

// Agent is the agent that deputy stdio would be in this environment.
type Agent struct {
	Name     string `json:"name,omitempty"` // empty: the key is nobody's
	OnBehalf bool   `json:"on_behalf"`      // of whoever is signed in
}

// Verified is the person who is signed in, verified as a call with their token would be.
func Verified(ctx context.Context, kept *signin.Store, t signin.Target) (k Known, err error) {
	token, err := kept.Token(ctx, t)
	if err != nil {
		return k, InWords(err)
	}
	who, err := t.Verify(ctx, token)
	if err != nil {
		return k, InWords(err)
	}
	return knownAs(who, t), nil
}

func knownAs(who identity.SignedIn, t signin.Target) Known {
	k := Known{
		ID: who.User.ID, Name: who.User.Name, Issuer: who.User.Issuer, Subject: who.User.Subject,
		Groups: append(
			[]string{},
			who.User.Groups...), Attributes: who.User.Attributes, Client: who.Client, Audience: t.Audience,
	}
	if !who.Expires.IsZero() {
		expires := who.Expires.UTC()
		k.Expires = &expires
	}
	return k
}

// AgentHere is the agent that deputy stdio would be; nil: the environment names none.
func AgentHere(registry *identity.Registry) (*Agent, error) {
	s, err := identity.FromEnvironment(os.Getenv)
	if err != nil || registry == nil || s.AgentKey() == "" {
		return nil, err
	}
	agent, ok := registry.ByKey(s.AgentKey())
	if !ok {
		return &Agent{}, nil
	}
	wish := Wished(false)
	return &Agent{
		Name: agent.ID,
		OnBehalf: !s.HasToken() && !wish.Never && (wish.Asked || !agent.May(identity.Autonomous)) &&
			agent.May(identity.OnBehalfOf),
	}, nil
}
