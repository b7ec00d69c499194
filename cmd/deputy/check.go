package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/stops"
	"deputy/internal/admin/halt"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/mistake"
	"deputy/internal/report"
	"deputy/tools"
	"deputy/tools/platforms"
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
		return errors.Join(json.NewEncoder(c.OutOrStdout()).Encode(problemFindings(misread.Problems...)), errProblems)
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
	if anyProblem(findings) {
		return errProblems
	}
	return err
}

func checkCertificate(cfg *config.Config) []finding {
	certificate, err := assembly.Certificate(cfg, zerolog.Nop())
	var misread *config.Error
	switch {
	case errors.As(err, &misread):
		return problemFindings(misread.Problems...)
	case certificate == nil:
		return nil
	}
	unfit := assembly.Unfit(cfg, certificate)
	if unfit == nil {
		return nil
	}
	f := problemFindings(*unfit)
	f[0].Level = "warning"
	return f
}

// checkStops says what is wrong with the list of stops beside the configuration.
func checkStops(cfg *config.Config) (findings []finding) {
	all, _, err := stops.Read(cfg.StopsFile())
	if err != nil {
		return []finding{{"problem", cfg.StopsFile(), fmt.Sprintf("%v: every call is refused until it can", err)}}
	}
	for _, s := range all {
		if unknown := halt.Unknown(cfg, s); unknown != "" {
			findings = append(findings, finding{"warning", cfg.StopsFile(), "a stop is for nothing: " + unknown})
		}
	}
	return findings
}

func anyProblem(findings []finding) bool {
	return slices.ContainsFunc(findings, func(f finding) bool { return f.Level == "problem" })
}

func printFindings(c *cobra.Command, cfg *config.Config, findings []finding) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, report.Printable(f.Where), report.Printable(f.Text))
	}
	fmt.Fprintf(w, "%d policies, %d agents, %d platforms, %d issuers: %d findings\n",
		len(cfg.Policies), len(cfg.Agents), len(cfg.Platforms), len(cfg.Identity.Issuers), len(findings))
	if !anyProblem(findings) { // one that does not work is never in force
		fmt.Fprintf(w, "policy version %s\n", cfg.Version)
	}
	return w.Flush()
}

// checkAll asks every part by itself, so that one that is down does not hide what is wrong with the others.
func checkAll(ctx context.Context, path string, cfg *config.Config) []finding {
	findings := []finding{}
	problem := func(where, text string) { findings = append(findings, finding{"problem", where, text}) }
	findings = append(findings, checkIdentity(ctx, cfg)...)
	findings = append(findings, checkCertificate(cfg)...)
	findings = append(findings, checkStops(cfg)...)
	folder := filepath.Dir(cfg.Audit.File)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		findings = append(
			findings,
			problemFindings(cfg.Problem("audit.file", "there is no folder %s to write it in", folder))...)
	}
	engines, err := assembly.Engines(cfg)
	var misread *config.Error
	if errors.As(err, &misread) {
		return append(findings, problemFindings(misread.Problems...)...)
	}
	reachable := true
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		defer engines[name].Close()
		set, err := engines[name].Check(ctx)
		if err != nil {
			findings = append(findings, problemFindings(cfg.Problem("platforms."+name, "%v", err))...)
			reachable = false
		}
		for _, f := range set {
			placed := problemFindings(assembly.PlatformProblem(cfg, name, f))[0]
			placed.Level = level(f.Warning)
			findings = append(findings, placed)
			// where nothing is vended, policies cannot be tried
			reachable = reachable && (f.Warning || f.Key != "signing_key" && f.Key != "dsn")
		}
	}
	if !reachable {
		return findings
	}
	t, err := tools.New(ctx, assembly.ToolsConfig(cfg, engines, nobody{}, zerolog.Nop()))
	var policies *platforms.PolicyError
	if errors.As(err, &policies) {
		return append(findings, policyFindings(path, cfg, policies.Problems)...)
	} else if err != nil {
		problem(path, err.Error())
		return findings
	}
	warnings, err := lint(ctx, cfg, t)
	if err != nil {
		problem(path, err.Error())
	}
	for _, f := range policyFindings(path, cfg, append(t.Warnings(), warnings...)) { // some of them for each platform
		if !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings
}

// lint holds the policies against everything else there is: the agents, and all platforms at once.
func lint(ctx context.Context, cfg *config.Config, t *tools.Tools) ([]entitlements.Problem, error) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return nil, nil // a finding already
	}
	r := review.Review{
		Policies:  cfg.Policies,
		Agents:    registry.Agents(),
		Users:     cfg.Identity.Users,
		Platforms: map[string]*entitlements.Entitlements{},
	}
	for _, i := range cfg.Identity.Issuers {
		r.Claims = slices.AppendSeq(r.Claims, maps.Keys(i.Claims.Attributes))
	}
	platforms := map[string]*requests.Compiled{}
	for name := range cfg.Platforms {
		if platforms[name], err = t.Compiled(ctx, name); err != nil {
			return nil, err
		}
		r.Platforms[name] = platforms[name].Entitlements
	}
	r.Beside = requests.Beside(cfg.Requests.Rules, platforms)
	problems := r.Lint()
	for i, t := range cfg.Tests { // what is expected of a group that there is none of, holds whatever the policies say
		for _, group := range t.Who.Groups {
			if meant := r.MeantGroup(group); meant != "" {
				problems = append(problems, entitlements.Problem{Key: mistake.At("tests", i), Warning: true,
					Message: fmt.Sprintf("nothing else is said of the group %s; did you mean %q?", group, meant)})
			}
		}
	}
	return problems, nil
}

// checkIdentity leaves out the mistakes that loading the configuration has found.
func checkIdentity(ctx context.Context, cfg *config.Config) (findings []finding) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err == nil {
		var a *oidc.Authenticator
		if a, err = oidc.New(ctx, cfg.Identity, registry, oidc.Options{Audience: cfg.Server.PublicURL + "/mcp"}); err == nil {
			err = a.Ready(ctx)
		}
	}
	var misread *config.Error
	if errors.As(cfg.Located(err), &misread) {
		return problemFindings(misread.Problems...)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			key := "identity"
			for i, issuer := range cfg.Identity.Issuers {
				if strings.Contains(line, "issuer "+issuer.URL+":") {
					key = mistake.At("identity.issuers", i) + ".url"
				}
			}
			findings = append(findings, problemFindings(cfg.Problem(key, "%s", strings.TrimSpace(line)))...)
		}
	}
	return findings
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
