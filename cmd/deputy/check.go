package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin/check"
	"deputy/internal/config"
	"deputy/internal/report"
)

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Say whether the configuration would work, and what is wrong with it",
		Long: `Reads the configuration, connects to every platform and issuer, and compares policies with the tables that are there.
Problems stop a start; warnings do not. Exits with 1 when there is a problem.

Warnings are about what works and may not be meant: policies that reach nothing, agents that are not registered, grants to agents
that open a table to every human, grants that a guardrail contradicts, masks that never come first, that show more than another
they come before, or that do not fit a column's type, what a purpose alone decides or is for nobody, attributes that nobody can
have, groups and users that are nearly others, columns that look personal or will be new and have no mask, and request rules that
cover nothing that can be asked for, that approve by themselves what masks hide, or that let anybody approve.`,
		Example: "  deputy check --config deputy.yaml\n  deputy check --config deputy.yaml --json",
		Args:    exactly(0),
		RunE:    runCheck,
	}
	c.Flags().Bool("json", false, "as JSON: a list of findings")
	return c
}

func runCheck(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if misread, ok := errors.AsType[*config.Error](err); ok && flagIs(c, "json") {
		findings := check.Misread(misread.Problems...)
		return errors.Join(json.NewEncoder(c.OutOrStdout()).Encode(findings), check.ErrProblems)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	findings := check.Configuration(ctx, configPath(c), cfg)
	if flagIs(c, "json") {
		err = json.NewEncoder(c.OutOrStdout()).Encode(findings)
	} else {
		err = printFindings(c, cfg, findings)
	}
	if check.Failed(findings) {
		return check.ErrProblems
	}
	return err
}

func printFindings(c *cobra.Command, cfg *config.Config, findings []check.Finding) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, report.Printable(f.Where), report.Printable(f.Text))
	}
	fmt.Fprintf(w, "%d policies, %d agents, %d platforms, %d issuers: %d findings\n",
		len(cfg.Policies), len(cfg.Agents), len(cfg.Platforms), len(cfg.Identity.Issuers), len(findings))
	if !check.Failed(findings) { // one that does not work is never in force
		fmt.Fprintf(w, "policy version %s\n", cfg.Version)
	}
	return w.Flush()
}
