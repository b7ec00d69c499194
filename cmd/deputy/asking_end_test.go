package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/mcp/client"
)

func TestWhatWasApprovedEndsToTheSecond(t *testing.T) {
	for name, inPostgres := range map[string]string{"requests in SQLite": "", "requests in PostgreSQL": "to_the_second"} {
		t.Run(name, func(t *testing.T) {
			began := time.Now().Truncate(time.Second)
			s := askingStage(t, config.SQLite, inPostgres, func(c *demo.Config) { c.Clock = func() time.Time { return began } })
			id := ask(t, overHTTP(t, s, s.Token(demo.Taylor), ""), "1h").ID
			if v := decide(t, s, id, "approve", nil); !v.ExpiresAt.Equal(began.Add(time.Hour)) {
				t.Fatalf("approved at %s for an hour, it ends at %s", began, v.ExpiresAt)
			}
			for _, tt := range []struct {
				pass time.Duration
				want string
				// a statement gets no longer than what is left
			}{{0, "clear"}, {time.Hour - time.Second, "clear"}, {time.Second, "masked"}, {time.Second, "masked"}} {
				s.Pass(tt.pass)
				if got := names(t, overHTTP(t, s, s.Token(demo.Taylor), "")); got != tt.want {
					t.Errorf("%s after it was approved for an hour, the names are %s", s.Now().Sub(began), got)
				}
			}
			if v := show(t, s, id); v.Status != "expired" {
				t.Errorf("when the hour is over, it is %s, though nobody has written that down", v.Status)
			}
		})
	}
}

func TestWhatWasApprovedIsGoneOnceTheHumanIsDisabled(t *testing.T) {
	s := askingStage(t, config.SQLite, "")
	text, err := os.ReadFile(s.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	url := replica(t, s)
	taylor := served(t, url, s.Token(demo.Taylor))
	id := ask(t, taylor, "8h").ID
	decide(t, s, id, "approve", nil)
	if got := names(t, taylor); got != "clear" {
		t.Fatalf("once approved, the names are %s", got)
	}
	reconfigure(t, s, string(text), "identity:\n", "identity:\n  users: [{id: taylor, disabled: true}]\n")
	if got := names(t, taylor); got == "clear" || got == "masked" {
		t.Errorf("with the very next call after they were disabled, Taylor is answered: the names are %s", got)
	}
	reconfigure(t, s, string(text), "identity:\n", "identity:\n  users: [{id: dana, disabled: true}]\n")
	if status, body := decideAt(t, s, url, id, "revoke"); status != 403 && status != 401 {
		t.Errorf("a steward who is disabled decides: %d %v", status, body)
	}
}

func TestWhatWasApprovedForOneAgentCountsThroughThatAgentAlone(t *testing.T) {
	s := askingStage(t, config.SQLite, "")
	through := func(agent, url string) *client.Client {
		return served(
			t,
			url,
			s.Issuer().
				Token(issuer.Claims{Subject: demo.Taylor.Subject, ClientID: agent, Groups: demo.Taylor.Groups, Audience: s.URL}),
		)
	}
	for _, tt := range []struct {
		only bool
		want string
	}{{true, "masked"}, {false, "clear"}} {
		url := replica(t, s, func(c *config.Config) {
			another := identity.AgentConfig{
				Name:      "another-agent",
				ClientIDs: []string{"another-chat"},
				Groups:    []string{"Agents"},
			}
			if err := c.Register(append(slices.Clone(c.Agents), another)); err != nil {
				t.Fatal(err)
			}
			c.Requests.Rules = slices.Clone(c.Requests.Rules)
			for i := range c.Requests.Rules {
				c.Requests.Rules[i].OnlyThroughAgent = tt.only
			}
		})
		first, other := through("marketing-chat", url), through("another-chat", url)
		id := ask(t, first, "8h").ID
		if status, body := decideAt(t, s, url, id, "approve"); status != 200 {
			t.Fatalf("approving: %d %v", status, body)
		}
		if got := names(t, first); got != "clear" {
			t.Errorf("through the agent that asked, the names are %s", got)
		}
		if got := names(t, other); got != tt.want {
			t.Errorf("only_through_agent is %v, and through another agent the names are %s", tt.only, got)
		}
		decide(t, s, id, "revoke", nil)
	}
}

// reconfigure replaces the stage's configuration by another. Whoever follows it sees that with the next call.
func reconfigure(t *testing.T, s *demo.Stage, text, old, new string) {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the configuration has no %q", old)
	}
	if err := os.WriteFile(s.ConfigFile, []byte(strings.Replace(text, old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
