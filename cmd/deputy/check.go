package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/tools"
)

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Say whether the configuration would work, and what is wrong with it",
		Long: `Reads the configuration, connects to every platform and issuer, and compares policies with the tables that are there.
Problems stop a start; warnings do not. Exits with 1 when there is a problem.`,
		Example: "  deputy check --config deputy.yaml\n  deputy check --config deputy.yaml --json",
		Args:    exactly(0),
		RunE:    check,
	}
	c.Flags().Bool("json", false, "as JSON: a list of findings")
	return c
}

// finding is one line of the answer.
type finding struct {
	Level string `json:"level"` // problem, warning
	Where string `json:"where"`
	Text  string `json:"text"`
}

var errProblems = errors.New("the configuration would not work as it is")

func check(c *cobra.Command, _ []string) error {
	asJSON, _ := c.Flags().GetBool("json")
	cfg, err := loadConfig(c)
	var misread *config.Error
	if asJSON && errors.As(err, &misread) {
		return errors.Join(json.NewEncoder(c.OutOrStdout()).Encode(misreadFindings(misread)), errProblems)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	findings := checkAll(ctx, configPath(c), cfg)
	if asJSON {
		err = json.NewEncoder(c.OutOrStdout()).Encode(findings)
	} else {
		err = printFindings(c, cfg, findings)
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Level == "problem" }) {
		return errProblems
	}
	return err
}

func printFindings(c *cobra.Command, cfg *config.Config, findings []finding) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.Where, f.Text)
	}
	fmt.Fprintf(w, "%d policies, %d agents, %d platforms, %d issuers: %d findings\n",
		len(cfg.Policies), len(cfg.Agents), len(cfg.Platforms), len(cfg.Identity.Issuers), len(findings))
	fmt.Fprintf(w, "policy version %s\n", cfg.Version)
	return w.Flush()
}

// checkAll asks every part by itself, so that one that is down does not hide what is wrong with the others.
func checkAll(ctx context.Context, path string, cfg *config.Config) []finding {
	findings := []finding{}
	problem := func(where, text string) { findings = append(findings, finding{"problem", where, text}) }
	checkIdentity(ctx, cfg, problem)
	engines, err := assembly.Engines(cfg)
	if err != nil {
		problem(path, err.Error())
		return findings
	}
	reachable := true
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		defer engines[name].Close()
		set, err := engines[name].Check(ctx)
		if err != nil {
			problem("platform "+name, err.Error())
			reachable = false
		}
		for _, f := range set {
			findings = append(findings, finding{level(f.Warning), "platform " + name, f.Text})
		}
	}
	if !reachable {
		return findings
	}
	t, err := tools.New(ctx, assembly.ToolsConfig(cfg, engines, nobody{}, zerolog.Nop()))
	var policies *tools.PolicyError
	if errors.As(err, &policies) {
		return append(findings, policyFindings(path, cfg, policies.Problems)...)
	} else if err != nil {
		problem(path, err.Error())
		return findings
	}
	return append(findings, policyFindings(path, cfg, t.Warnings())...)
}

func checkIdentity(ctx context.Context, cfg *config.Config, problem func(where, text string)) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		problem("agents", err.Error())
		return
	}
	a, err := identity.New(ctx, cfg.Identity, registry, identity.Options{Audience: cfg.Server.PublicURL + "/mcp"})
	if err == nil {
		err = a.Ready(ctx)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			problem("identity", strings.TrimSpace(line))
		}
	}
}

// nobody records nothing: check makes no call.
type nobody struct{}

func (nobody) Append(context.Context, audit.Record) error { return errors.New("check records nothing") }

func level(warning bool) string {
	if warning {
		return "warning"
	}
	return "problem"
}
