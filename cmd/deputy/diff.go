package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/diff"
	"deputy/internal/config"
	"deputy/internal/report"
)

func newDiff() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "List who gains and who loses what between two configurations",
		Long: `Decides with the policies of both files on the tables that are there now, and lists what changes for whom: tables that open and
close, columns that are masked or not any more, rows. The platforms are NEW's; of OLD only policies, agents and users are used.

People are told apart as the policies do: members of groups, holders of attributes and what these are together, users that either
file names, and anybody. What a change gives to somebody it gives to those who are in more groups as well, unless it is listed.`,
		Example: `  deputy diff deputy.yaml proposed.yaml
  git show HEAD:deputy.yaml > /tmp/old.yaml && deputy diff --exit-code /tmp/old.yaml deputy.yaml`,
		Args: exactly(2),
		RunE: runDiff,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	c.Flags().Bool("json", false, "as JSON: a list of changes")
	c.Flags().Bool("exit-code", false, "exit with 1 when somebody gains something, for a pipeline to stop at")
	return c
}

var errGains = errors.New("somebody gains something")

func runDiff(c *cobra.Command, args []string) error {
	var files [2]diff.File
	for i, path := range args {
		cfg, err := config.Load(path, os.LookupEnv)
		if err != nil {
			return err
		}
		files[i] = diff.File{Path: path, Config: cfg}
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	r, err := diff.Compare(ctx, files[0], files[1])
	for _, gone := range r.NotGoverned {
		fmt.Fprintf(c.ErrOrStderr(), "%s is not in %s: whatever was open there is closed, and cannot be listed\n",
			gone, args[1])
	}
	if err != nil {
		return err
	}
	err = printAnswer(c, r.Changes, func(w io.Writer) error { return report.Changes(w, r.Changes) })
	if err == nil && flagIs(c, "exit-code") && r.Gains() {
		return errGains
	}
	return err
}
