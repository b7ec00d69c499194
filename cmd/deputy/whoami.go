package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/report"
)

func newWhoami() *cobra.Command {
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Say who is signed in, and how policies see them",
		Long: `Verifies the token of deputy login as a call with it would be, renews it if it is about to expire, and shows what is
known of whoever it is: the groups and attributes that policies are judged on. The token is never shown. With
DEPUTY_AGENT_KEY set it also says which agent deputy stdio would be, and whether it would act for them.`,
		Example: "  deputy whoami --config deputy.yaml\n  deputy whoami --json",
		Args:    exactly(0),
		RunE:    whoami,
	}
	signInFlags(c)
	c.Flags().Bool("json", false, "as JSON")
	return c
}

// known is who is signed in, as JSON has it.
type known struct {
	ID         string              `json:"id"`
	Name       string              `json:"name,omitempty"`
	Issuer     string              `json:"issuer"`
	Subject    string              `json:"subject"`
	Groups     []string            `json:"groups"`
	Attributes map[string][]string `json:"attributes"`
	Client     string              `json:"client,omitempty"`
	Audience   string              `json:"audience"`
	Expires    *time.Time          `json:"expires,omitempty"`
	Agent      *actingAgent        `json:"agent,omitempty"`
}

// actingAgent is the agent that deputy stdio would be in this environment.
type actingAgent struct {
	Name     string `json:"name,omitempty"` // empty: the key is nobody's
	OnBehalf bool   `json:"on_behalf"`      // of whoever is signed in
}

func whoami(c *cobra.Command, _ []string) error {
	kept, err := signIns()
	if err != nil {
		return err
	}
	t, registry, err := keptSignIn(c, kept)
	if err != nil {
		return err
	}
	token, err := kept.Token(c.Context(), t)
	if err != nil {
		return inWords(err)
	}
	who, err := t.Verify(c.Context(), token)
	if err != nil {
		return inWords(err)
	}
	said := knownAs(who, t)
	if said.Agent, err = agentHere(registry); err != nil {
		return err
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(said)
	}
	return said.print(c.OutOrStdout())
}

func knownAs(who identity.SignedIn, t signin.Target) known {
	k := known{
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

// agentHere is nil when the environment names no agent.
func agentHere(registry *identity.Registry) (*actingAgent, error) {
	s, err := identity.FromEnvironment(os.Getenv)
	if err != nil || registry == nil || s.AgentKey() == "" {
		return nil, err
	}
	agent, ok := registry.ByKey(s.AgentKey())
	if !ok {
		return &actingAgent{}, nil
	}
	asked, never, _ := signInAsked(false)
	return &actingAgent{
		Name:     agent.ID,
		OnBehalf: !s.HasToken() && !never && (asked || !agent.May(identity.Autonomous)) && agent.May(identity.OnBehalfOf),
	}, nil
}

func (k known) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, is string) {
		if is != "" {
			fmt.Fprintf(w, "%s\t%s\n", what, report.Printable(is)) // it comes from an issuer
		}
	}
	row("who", nameOf(identity.User{Identity: identity.Identity{ID: k.ID}, Name: k.Name}))
	row("issuer", k.Issuer)
	row("groups", strings.Join(k.Groups, ", "))
	var attributes []string
	for _, name := range slices.Sorted(maps.Keys(k.Attributes)) {
		attributes = append(attributes, name+"="+strings.Join(k.Attributes[name], ","))
	}
	row("attributes", strings.Join(attributes, " "))
	row("client", k.Client)
	row("for", k.Audience)
	if k.Expires != nil {
		row("expires", k.Expires.Format(time.RFC3339)+", and is renewed before that while it is used")
	}
	switch {
	case k.Agent == nil:
	case k.Agent.Name == "":
		row("agent", "none: DEPUTY_AGENT_KEY is no registered agent's")
	case k.Agent.OnBehalf:
		row("agent", k.Agent.Name+", on behalf of "+k.ID)
	default:
		row("agent", k.Agent.Name+", not on behalf of "+k.ID)
	}
	return w.Flush()
}
