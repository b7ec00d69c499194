package entitlements_test

import (
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

func principal(a identity.Agent, u *identity.User) identity.Principal {
	return identity.Principal{Agent: a, User: u}
}

func TestMatchers(t *testing.T) {
	obo := principal(world.Bot, world.Taylor) // taylor: Marketing, region US-EAST; bot: marketing-bot, Agents
	alone := principal(world.Bot, nil)
	tests := []struct {
		text        string
		user, agent bool // judged on behalf of Taylor: she herself, and the agent
		alone       bool
	}{
		{"everyone", true, true, true},
		{"group:Marketing", true, false, false},
		{"group:Agents", false, true, true},
		{"group:marketing", false, false, false},
		{"attribute:region=US-EAST", true, false, false},
		{"attribute:region=US", false, false, false},
		{"user:taylor", true, false, false},
		{"user:marketing-bot", false, false, false}, // an agent is no user, whatever it is called
		{"agent:marketing-bot", true, true, true},   // about who acts, whoever is judged
		{"agent:taylor", false, false, false},
		{"agent-group:Agents", true, true, true},
		{"agent-group:Marketing", false, false, false},
		{"mode:on_behalf_of", true, true, false},
		{"mode:autonomous", false, false, true},
		{"[user:taylor, group:Agents]", true, true, true},
		{"{any: [user:taylor, group:Agents]}", true, true, true},
		{"{all: [group:Marketing, group:Agents]}", false, false, false}, // never one merged identity
		{"{all: [group:Marketing, agent-group:Agents]}", true, false, false},
		{"{not: group:Marketing}", false, true, true},
		{"{not: [group:Marketing, group:Agents]}", false, false, false},
		{"{all: [everyone, {not: {all: [user:taylor, mode:on_behalf_of]}}]}", false, true, true},
		{"[{all: [user:taylor, group:Nothing]}, {not: {not: mode:autonomous}}]", false, false, true},
	}
	for _, tt := range tests {
		m := world.MatcherOf(t, tt.text)
		for _, c := range []struct {
			judged string
			got    bool
			want   bool
		}{
			{"Taylor", m.Holds(&world.Taylor.Identity, &obo), tt.user},
			{"the agent acting for Taylor", m.Holds(&world.Bot.Identity, &obo), tt.agent},
			{"the agent alone", m.Holds(&world.Bot.Identity, &alone), tt.alone},
		} {
			if c.got != c.want {
				t.Errorf("%s: for %s it is %t, not %t", tt.text, c.judged, c.got, c.want)
			}
		}
	}
}

func TestAnAttributeMayHaveAnEqualsSignInItsValue(t *testing.T) {
	who := principal(world.Bot, world.User("u", nil, "dn", "cn=u"))
	if !world.MatcherOf(t, "attribute:dn=cn=u").Holds(&who.User.Identity, &who) {
		t.Error("the value is cut at its second equals sign")
	}
}

func TestTheZeroMatcherMatchesNobody(t *testing.T) {
	who := principal(world.Bot, world.Taylor)
	if new(entitlements.Matcher).Holds(&world.Taylor.Identity, &who) {
		t.Error("it matches somebody")
	}
}

func TestMatchMakesATerm(t *testing.T) {
	who := principal(world.Bot, world.Taylor)
	m, err := entitlements.Match("user:taylor")
	if err != nil || !m.Holds(&world.Taylor.Identity, &who) {
		t.Errorf("user:taylor is not Taylor: %v", err)
	}
	if _, err := entitlements.Match("taylor"); err == nil {
		t.Error("a word that is no term is taken for one")
	}
}
