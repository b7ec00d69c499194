package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/identity"
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
	c.ValidArgsFunction = agentNames
	return c
}

func agentKey(c *cobra.Command, args []string) error {
	text, _ := c.Flags().GetString("expires")
	expires, err := expiry(text, time.Now())
	if err != nil {
		return &usageError{fmt.Errorf("--expires: %w", err)}
	}
	label, _ := c.Flags().GetString("label")
	key, hash := identity.NewKey(rand.Reader)
	_, err = identity.NewRegistry(
		[]identity.AgentConfig{{Name: args[0], Keys: []identity.KeyConfig{{SHA256: hash, Label: label}}}},
	)
	var wrong *identity.ConfigError
	if errors.As(err, &wrong) { // the name and the label are all that can be
		return &usageError{errors.New(wrong.Problems[0].Message)}
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
		args[0],
		key,
		hash,
	)
	if !expires.IsZero() {
		fmt.Fprintf(c.OutOrStdout(), "        expires: %s\n", expires.Format(time.RFC3339))
	}
	if label != "" {
		quoted, _ := json.Marshal(label) // a string always can be
		fmt.Fprintf(c.OutOrStdout(), "        label: %s\n", quoted)
	}
	return nil
}

// expiry reads how long from now, or until when.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var e identity.Expiry
	if e.UnmarshalText([]byte(text)) != nil {
		ago, err := moment(text, now) // it reads the same words, backwards
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time: write 90d, 24h, 2027-02-23 or 2027-02-23T10:00:00Z", text)
		}
		e.Time = now.Add(now.Sub(ago))
	}
	if e.Passed(now) {
		return time.Time{}, fmt.Errorf("%s is over", text)
	}
	return e.UTC().Truncate(time.Second), nil
}

// agentNames completes the name of an agent.
func agentNames(c *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if cfg, err := loadConfig(c); err == nil && len(args) == 0 {
		for _, a := range cfg.Agents {
			names = append(names, a.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
