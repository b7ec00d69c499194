package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/demo"
	mcpstdio "deputy/mcp/stdio"
)

func newDemo() *cobra.Command {
	c := &cobra.Command{
		Use:         "demo",
		Annotations: map[string]string{untilInterrupted: "yes"},
		Short:       "Tell the main job as a story, with nothing else installed",
		Long: `Starts an identity provider, a database with data and the server, all on this machine and gone at the end, and asks
questions as three people and a bot. With --engine postgres the database is a throw-away PostgreSQL, started from
the server binaries on this machine.`,
		Example: "  deputy demo\n  deputy demo --engine postgres\n  deputy demo --serve\n  deputy demo --stdio",
		Args:    exactly(0),
		RunE:    runDemo,
	}
	c.Flags().String("engine", config.SQLite, "`engine` that holds the data: sqlite or postgres")
	c.Flags().Bool("serve", false, "keep running afterwards, and print what a host needs to connect")
	c.Flags().
		Bool("stdio", false, "tell nothing, and serve MCP over standard input and output to a host that asks as Taylor")
	c.Flags().String("listen", "127.0.0.1:0", "loopback `address` to listen on")
	c.RegisterFlagCompletionFunc(
		"engine",
		cobra.FixedCompletions([]string{config.SQLite, config.Postgres}, cobra.ShellCompDirectiveNoFileComp),
	)
	return c
}

func runDemo(c *cobra.Command, _ []string) error {
	engine := flagText(c, "engine")
	if engine != config.SQLite && engine != config.Postgres {
		return admin.Usagef("there is no engine %q: use sqlite or postgres", engine)
	}
	keep := flagIs(c, "serve")
	stdio := flagIs(c, "stdio")
	if keep && stdio {
		return admin.Usagef("--serve and --stdio are for different hosts: give one")
	}
	listen := flagText(c, "listen")
	// the terminal is closed: there is no configuration to read again
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGHUP)
	defer stop()
	stage, err := demo.Start(ctx, demo.Config{Engine: engine, Listen: listen, Log: newLog(c.ErrOrStderr(), "warn")})
	if err != nil {
		return err
	}
	defer stage.Close()
	if stdio {
		served := stage.Stdio(version())
		served.Credentials = func() (identity.Credentials, error) {
			return identity.Credentials{AgentKey: stage.AgentKey, UserToken: stage.Token(demo.Taylor)}, nil
		}
		return mcpstdio.Serve(ctx, served, c.InOrStdin(), c.OutOrStdout())
	}
	return tellDemo(ctx, c, stage, keep)
}

// tellDemo tells the story, and goes on serving if that is asked for.
func tellDemo(ctx context.Context, c *cobra.Command, stage *demo.Stage, keep bool) error {
	if err := demo.Tell(ctx, stage, demo.Sleep, c.OutOrStdout()); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	request, err := stage.AskAgain(ctx)
	if err != nil {
		return err
	}
	if err := stage.PrintHost(c.OutOrStdout()); err != nil {
		return err
	}
	stage.PrintDesk(c.OutOrStdout(), request)
	fmt.Fprintf(c.OutOrStdout(), "\nThe audit log: %s\nStop with Ctrl-C; everything is removed then.\n", stage.AuditFile)
	return stage.Wait()
}
