package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"deputy/identity"
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
	engine, _ := c.Flags().GetString("engine")
	if engine != config.SQLite && engine != config.Postgres {
		return &usageError{fmt.Errorf("there is no engine %q: use sqlite or postgres", engine)}
	}
	keep, _ := c.Flags().GetBool("serve")
	stdio, _ := c.Flags().GetBool("stdio")
	if keep && stdio {
		return &usageError{errors.New("--serve and --stdio are for different hosts: give one")}
	}
	listen, _ := c.Flags().GetString("listen")
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
	if err := printHost(c.OutOrStdout(), stage); err != nil {
		return err
	}
	printDesk(c.OutOrStdout(), stage, request)
	fmt.Fprintf(c.OutOrStdout(), "\nThe audit log: %s\nStop with Ctrl-C; everything is removed then.\n", stage.AuditFile)
	return stage.Wait()
}

// printHost prints what a chat host is given, ready to paste.
func printHost(out io.Writer, s *demo.Stage) error {
	type server struct {
		Type    string            `json:"type"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	host := map[string]any{"mcpServers": map[string]server{
		"deputy": {"http", s.URL, map[string]string{"Authorization": "Bearer " + s.Token(demo.Taylor)}},
	}}
	text, err := json.MarshalIndent(host, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(
		out,
		"\nStill serving. Paste this into an MCP host to ask as Taylor (the token is good for an hour):\n\n%s\n\nOther tokens:\n",
		text,
	)
	for _, p := range []demo.Person{demo.Priya, demo.Sam} {
		fmt.Fprintf(out, "\n%s:\n%s\n", p.Name, s.Token(p))
	}
	fmt.Fprintf(out, "\nThe scanner's agent key:\n%s\n", s.ScannerKey)
	return nil
}

// printDesk prints what a data steward needs to decide on a request that waits: a token, and the commands as they
// stand.
func printDesk(out io.Writer, s *demo.Stage, request string) {
	fmt.Fprintf(out, `
Taylor's agent has asked for the names again. A data steward decides; with Dana's token (good for an hour) you are one:

  export DEPUTY_SERVER=%s DEPUTY_USER_TOKEN=%s
  %[3]s requests list
  %[3]s requests approve %[4]s --for 1h --yes
`, strings.TrimSuffix(s.URL, "/mcp"), s.StewardToken(demo.Dana), thisProgram(), request)
}

// thisProgram is how a shell on this machine finds the running program: by its name where that is on the path.
func thisProgram() string {
	path, err := os.Executable()
	if err != nil {
		return "deputy"
	}
	if found, err := exec.LookPath("deputy"); err == nil && sameFile(found, path) {
		return "deputy"
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	other, failed := os.Stat(b)
	return err == nil && failed == nil && os.SameFile(one, other)
}
