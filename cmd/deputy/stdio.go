package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/internal/config"
	"deputy/mcp"
)

func newStdio() *cobra.Command {
	return &cobra.Command{
		Use:   "stdio",
		Short: "Serve MCP over standard input and output, for one agent on this machine",
		Long: `The agent proves itself with DEPUTY_AGENT_KEY. Without more, it acts on its own, if it may. With the human's access
token in DEPUTY_USER_TOKEN, or in the file that DEPUTY_USER_TOKEN_FILE names, it acts on the human's behalf. The file is
read again for every call, so that a renewed token is used. So is the configuration when it has changed.`,
		Example: "  DEPUTY_AGENT_KEY=deputy_ak_… deputy stdio --config deputy.yaml",
		Args:    exactly(0),
		RunE:    stdio,
	}
}

func stdio(c *cobra.Command, _ []string) error {
	signIn, err := identity.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	d, err := follow(c, func() (*config.Config, error) {
		cfg, err := loadConfig(c)
		if err != nil {
			return nil, err
		}
		return cfg, notStdout(cfg)
	})
	if err != nil {
		return err
	}
	defer d.Close()
	return mcp.ServeStdio(c.Context(), d.MCP(version()), c.InOrStdin(), c.OutOrStdout(), signIn.Credentials)
}

// notStdout refuses an audit sink that would write into the protocol.
func notStdout(cfg *config.Config) error {
	for i, s := range cfg.Audit.Sinks {
		if s.Type == config.Stdout {
			return &config.Error{Problems: []config.Problem{cfg.Problem(fmt.Sprintf("audit.sinks[%d].type", i),
				"standard output is the agent's, with deputy stdio: use another sink")}}
		}
	}
	return nil
}
