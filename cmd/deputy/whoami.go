package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/internal/admin/signins"
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

func whoami(c *cobra.Command, _ []string) error {
	kept, err := signins.Kept()
	if err != nil {
		return err
	}
	t, registry, err := whichSignIn(c).Find(c.Context(), kept)
	if err != nil {
		return err
	}
	who, err := signins.Verified(c.Context(), kept, t)
	if err != nil {
		return err
	}
	if who.Agent, err = signins.AgentHere(registry); err != nil {
		return err
	}
	if flagIs(c, "json") {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(who)
	}
	return printKnown(c.OutOrStdout(), who)
}

func printKnown(out io.Writer, k signins.Known) error {
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
