// Command deputy lets AI agents query a company's data on behalf of the human who asked.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"deputy/internal/config"
	"deputy/internal/report"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the process: tests call it.
func run(args []string, in io.Reader, out, errout io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errout)
	command, err := root.ExecuteContextC(ctx)
	interrupted := errors.Is(err, context.Canceled) && ctx.Err() != nil
	if err == nil || interrupted && command.Annotations[untilInterrupted] != "" {
		return 0
	}
	if interrupted { // a script must not take half a check for a whole one
		err = errors.New("interrupted")
	}
	for line := range strings.Lines("deputy: " + err.Error()) { // it may hold names out of a database
		fmt.Fprintln(errout, report.Printable(strings.TrimSuffix(line, "\n")))
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// untilInterrupted is the annotation of commands that a signal ends well.
const untilInterrupted = "until interrupted"

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "deputy",
		Short: "Let AI agents query data on behalf of the human who asked",
		Long: `Deputy is an MCP server. Each call of an agent vends a database role for this one call, with what the
agent and the human behind it may reach, masked and filtered as for the human, and revokes it again.`,
		Example: "  deputy demo\n  deputy serve --config deputy.yaml",
		Version: version(),

		SuggestionsMinimumDistance: 2,
		Args:                       noCommand,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors:              true,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetVersionTemplate("deputy {{.Version}}\n")
	root.PersistentFlags().String("config", "", "configuration `file` (default $DEPUTY_CONFIG, else deputy.yaml)")
	root.MarkPersistentFlagFilename("config", "yaml", "yml")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w (see %s --help)", err, c.CommandPath())}
	})
	root.AddCommand(
		newServe(),
		newStdio(),
		newLogin(),
		newWhoami(),
		newLogout(),
		newDemo(),
		newInit(),
		newCheck(),
		newTest(),
		newCatalog(),
		newScan(),
		newExplain(),
		newDiff(),
		newSchema(),
		newBootstrap(),
		newMigrate(),
		newAgent(),
		newUser(),
		newStops(),
		newRequests(),
		newAudit(),
		newVersion(),
	)
	return root
}

// noCommand is about what stands where a command should and is none.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{errors.New(text + " (see deputy --help)")}
}

// exactly is cobra's ExactArgs with the exit code of a wrong command line.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{fmt.Errorf("%s takes %d arguments, not %d: see %[1]s --help", c.CommandPath(), n, len(args))}
		}
		return nil
	}
}

// atMost is cobra's MaximumNArgs with the exit code of a wrong command line.
func atMost(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return &usageError{
				fmt.Errorf("%s takes at most %d argument, not %d: see %[1]s --help", c.CommandPath(), n, len(args)),
			}
		}
		return nil
	}
}

// configPath is where the configuration is: --config, $DEPUTY_CONFIG or deputy.yaml.
func configPath(c *cobra.Command) string {
	if path, _ := c.Flags().GetString("config"); path != "" {
		return path
	}
	if path := os.Getenv("DEPUTY_CONFIG"); path != "" {
		return path
	}
	return "deputy.yaml"
}

func loadConfig(c *cobra.Command) (*config.Config, error) {
	cfg, err := config.Load(configPath(c), os.LookupEnv)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: say where it is with --config or DEPUTY_CONFIG", err)
	}
	return cfg, err
}
