package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/agents"
)

func newAgentKey() *cobra.Command {
	c := &cobra.Command{
		Use:   "key NAME",
		Short: "Make an API key for an agent",
		Long: `Prints a new key, once, and the lines that go into the configuration. Only the key's SHA-256 is kept there: whoever
reads the configuration cannot act as the agent.

To replace a key, put the new one beside it, give the agent the new one, and take the old one out when deputy agent list no longer
shows it in use.`,
		Example: "  deputy agent key nightly-report\n  deputy agent key nightly-report --expires 90d --label ci",
		Args:    exactly(1),
		RunE:    agentKey,
	}
	c.Flags().
		String("expires", "", "when the key stops being good: in 90d or 24h, 2027-02-23, or 2027-02-23T10:00:00Z (default never)")
	c.Flags().String("label", "", "what people call the key: where it is used")
	c.ValidArgsFunction = func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return fromConfig(agentNames)(c, args, word)
	}
	return c
}

func agentKey(c *cobra.Command, args []string) error {
	key, err := agents.NewKey(args[0], flagText(c, "label"), flagText(c, "expires"), time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(
		c.OutOrStdout(),
		`The key of agent %[1]s. It is shown this once; give it to the agent as DEPUTY_AGENT_KEY or as bearer token:

%[2]s

Put this below agents: in the configuration, or what is below keys: to the agent's other keys:

  - name: %[1]s
    modes: [on_behalf_of]   # autonomous, if it may act without a human
    keys:
      - sha256: "%[3]s"
`,
		key.Agent,
		key.Secret,
		key.SHA256,
	)
	if !key.Expires.IsZero() {
		fmt.Fprintf(c.OutOrStdout(), "        expires: %s\n", key.Expires.Format(time.RFC3339))
	}
	if key.Label != "" {
		quoted, _ := json.Marshal(key.Label) // a string always can be
		fmt.Fprintf(c.OutOrStdout(), "        label: %s\n", quoted)
	}
	return nil
}
