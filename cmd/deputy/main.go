// Command deputy lets AI agents query a company's data on behalf of the human who asked.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"deputy/internal/admin"
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
	code, said := admin.Exit(err, ctx.Err() != nil, command.Annotations[untilInterrupted] != "")
	if said != nil {
		for line := range strings.Lines("deputy: " + said.Error()) { // it may hold names out of a database
			fmt.Fprintln(errout, report.Printable(strings.TrimSuffix(line, "\n")))
		}
	}
	return code
}

// untilInterrupted is the annotation of commands that a signal ends well.
const untilInterrupted = "until interrupted"

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
		return admin.Usagef("%w (see %s --help)", err, c.CommandPath())
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
		newWho(),
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
