package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/explain"
)

func newExplain() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain [TABLE[.COLUMN]]",
		Short: "Say who can see what, and which policy decides it",
		Long: `Decides as a call would be decided, and shows the policy behind each part: what opens the table or would, which guardrails
hold, how each column is seen and which masks lost, which rows. Without TABLE it lists every table, those that are denied too.
Without --user it is the agent on its own.

What is known of the user is what the configuration says below identity.users. --groups and --attributes add what a token would
say, or describe somebody hypothetical. Only the catalog is read: no row, no issuer, no record.`,
		Example: `  deputy explain --user taylor --agent sales-assistant
  deputy explain --user taylor --agent sales-assistant sales.customers
  deputy explain --groups Marketing,Berlin --attributes region=EU customers.email
  deputy explain --agent nightly-report --json`,
		Args: atMost(1),
		RunE: runExplain,
	}
	f := c.Flags()
	f.String("user", "", "`id` of the human who asks")
	f.String("agent", "", "`name` of the agent that acts; may be left out when one alone may act so")
	f.Bool("autonomous", false, "the agent acts on its own, as without --user")
	f.StringSlice("groups", nil, "`groups` that the user is in beside those in the configuration")
	f.StringSlice("attributes", nil, "`name=value` of attributes that the user has beside those in the configuration")
	f.String("purpose", "", "what the call is said to be for")
	f.String("platform", "", "`name` of the platform, when there are several")
	f.Bool("json", false, "as JSON")
	completeNames(c)
	return c
}

func runExplain(c *cobra.Command, args []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	q := explain.Question{Who: describedWho(c), Platform: flagText(c, "platform")}
	if len(args) == 1 {
		q.Table = &args[0]
	}
	x, err := explain.Answer(ctx, cfg, q)
	switch {
	case err != nil:
		return err
	case flagIs(c, "json"):
		return json.NewEncoder(c.OutOrStdout()).Encode(x)
	case q.Table != nil:
		return x.Page(c.OutOrStdout())
	}
	return x.Summary(c.OutOrStdout())
}

// describedWho is the caller that the flags describe.
func describedWho(c *cobra.Command) explain.Who {
	who := explain.Who{Agent: flagText(c, "agent"), Autonomous: flagIs(c, "autonomous"), Purpose: flagText(c, "purpose")}
	if c.Flags().Changed("user") {
		user := flagText(c, "user")
		who.User = &user
	}
	if c.Flags().Changed("groups") {
		who.Groups = append([]string{}, flagList(c, "groups")...)
	}
	if c.Flags().Changed("attributes") {
		who.Attributes = append([]string{}, flagList(c, "attributes")...)
	}
	return who
}
