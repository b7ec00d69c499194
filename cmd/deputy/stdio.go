package main

import (
	"os"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/internal/admin/signins"
	"deputy/internal/config"
	"deputy/mcp"
	mcpstdio "deputy/mcp/stdio"
)

func newStdio() *cobra.Command {
	c := &cobra.Command{
		Use:         "stdio",
		Annotations: map[string]string{untilInterrupted: "yes"},
		Short:       "Serve MCP over standard input and output, for one agent on this machine",
		Long: `The agent proves itself with DEPUTY_AGENT_KEY. It acts for the human whose access token is in DEPUTY_USER_TOKEN, or in the
file that DEPUTY_USER_TOKEN_FILE names. Without those, an agent that may not act on its own acts for whoever signed in with
deputy login; one that may, acts on its own, unless --on-behalf or DEPUTY_SIGN_IN=yes asks for the human. Then no call is
made without them.

Tokens are read again for every call, so that a renewed one is used, and a process keeps to the first human it served:
restart it for another. The configuration is followed, too.`,
		Example: "  DEPUTY_AGENT_KEY=deputy_ak_… deputy stdio --config deputy.yaml\n  DEPUTY_AGENT_KEY=deputy_ak_… deputy stdio --on-behalf",
		Args:    exactly(0),
		RunE:    stdio,
	}
	c.Flags().Bool("on-behalf", false, "act for whoever signed in with deputy login, and never without them")
	return c
}

func stdio(c *cobra.Command, _ []string) error {
	signIn, err := identity.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	wish := signins.Wished(flagIs(c, "on-behalf"))
	kept, err := signins.Kept()
	if err != nil && wish.Asked {
		return err
	}
	d, err := follow(c, func() (*config.Config, error) {
		cfg, err := loadConfig(c)
		if err != nil {
			return nil, err
		}
		return cfg, signins.NotStdout(cfg)
	})
	if err != nil {
		return err
	}
	defer d.Close()
	if !wish.Never && kept != nil {
		signIn.For(identity.Human{
			Asked:  wish.Asked,
			Needed: func(key string) (needed, known bool) { return signins.NeedsHuman(d.Config(), key) },
			Token:  func() (string, error) { return wish.Token(c.Context(), d, kept) },
		})
	}
	served, pin := d.Stdio(version()), identity.NewPin(nil)
	served.Credentials = signIn.Credentials
	served.Authenticator = func(g mcp.Generation) mcp.Authenticator { return pin.With(g.Authenticator()) }
	return mcpstdio.Serve(c.Context(), served, c.InOrStdin(), c.OutOrStdout())
}
