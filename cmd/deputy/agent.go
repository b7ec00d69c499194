package main

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"deputy/identity"
)

func newAgent() *cobra.Command {
	c := &cobra.Command{
		Use:     "agent",
		Short:   "Register agents",
		Example: "  deputy agent key nightly-report",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy agent key NAME")}
		},
	}
	c.AddCommand(&cobra.Command{
		Use:   "key NAME",
		Short: "Make an API key for an agent",
		Long: `Prints a new key, once, and the lines that go into the configuration. Only the key's SHA-256 is kept there: whoever
reads the configuration cannot act as the agent.`,
		Example: "  deputy agent key nightly-report",
		Args:    exactly(1),
		RunE:    agentKey,
	})
	return c
}

func agentKey(c *cobra.Command, args []string) error {
	key, hash := identity.NewKey(rand.Reader)
	_, err := identity.NewRegistry([]identity.AgentConfig{{Name: args[0], KeySHA256: []string{hash}}})
	var wrong *identity.ConfigError
	if errors.As(err, &wrong) { // the name is all that can be
		return &usageError{errors.New(wrong.Problems[0].Message)}
	}
	fmt.Fprintf(c.OutOrStdout(), `The key of agent %[1]s. It is shown this once; give it to the agent as DEPUTY_AGENT_KEY or as bearer token:

%[2]s

Put this below agents: in the configuration, or the last line to the agent's other keys:

  - name: %[1]s
    modes: [on_behalf_of]   # autonomous, if it may act without a human
    key_sha256: ["%[3]s"]
`, args[0], key, hash)
	return nil
}
