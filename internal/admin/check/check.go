// Package check says whether a configuration would work, and what is wrong with it.
package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity/oidc"
	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/expectation"
	"deputy/internal/mistake"
	"deputy/tools/platforms"
)

// Finding is one thing that is wrong, or may not be meant.
type Finding struct {
	Level string `json:"level"` // problem, warning
	Where string `json:"where"`
	Text  string `json:"text"`
}

// ErrProblems is the error of a configuration that has a problem.
var ErrProblems = errors.New("the configuration would not work as it is")

// Failed reports whether one of the findings is a problem: with warnings alone, a server starts.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == level(false) })
}

func checkCertificate(cfg *config.Config) []Finding {
	certificate, err := assembly.Certificate(cfg, zerolog.Nop())
	var misread *config.Error
	switch {
	case errors.As(err, &misread):
		return Misread(misread.Problems...)
	case certificate == nil:
		return nil
	}
	unfit := assembly.Unfit(cfg, certificate)
	if unfit == nil {
		return nil
	}
	f := Misread(*unfit)
	f[0].Level = "warning"
	return f
}

// Configuration checks a whole configuration, which was read from a path. It asks every part by itself, so that one
// that is down does not hide what is wrong with the others.
func Configuration(ctx context.Context, path string, cfg *config.Config) []Finding {
	findings := []Finding{}
	findings = append(findings, checkIdentity(ctx, cfg)...)
	findings = append(findings, checkCertificate(cfg)...)
	findings = append(findings, checkStops(ctx, cfg)...)
	findings = append(findings, checkState(ctx, cfg)...)
	findings = append(findings, Misread(assembly.QueryProblems(cfg)...)...)
	if wrong := assembly.Ignored(cfg); wrong != nil {
		findings = append(findings, Misread(*wrong)...)
	}
	folder := filepath.Dir(cfg.Audit.File)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		wrong := cfg.Problem("audit.file", "there is no folder %s to write it in", folder)
		findings = append(findings, Misread(wrong)...)
	}
	site, unopened := admin.OpenPart(cfg)
	defer site.Close()
	findings = append(findings, Misread(unopened...)...)
	found, said := checkPlatforms(ctx, site)
	findings = append(findings, found...)
	for _, f := range checkPolicies(ctx, path, site, said) { // some of them for each platform
		if !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	return findings
}

// said is what engines have said of their platforms already.
type said struct {
	silent     map[string]bool                     // The platforms that could not be asked.
	unreadable map[string][]entitlements.TableName // The tables of each that Deputy cannot read.
}

// checkPlatforms has each engine check its platform.
func checkPlatforms(ctx context.Context, site *admin.Site) (findings []Finding, of said) {
	of = said{map[string]bool{}, map[string][]entitlements.TableName{}}
	for _, name := range slices.Sorted(maps.Keys(site.Engines)) {
		set, err := site.Engines[name].Check(ctx)
		if err != nil {
			findings = append(findings, Misread(site.Problem("platforms."+name, "%v", err))...)
			of.silent[name] = true
		}
		for _, f := range set {
			placed := Misread(assembly.PlatformProblem(site.Config, name, f))[0]
			placed.Level = level(f.Warning)
			findings = append(findings, placed)
			of.unreadable[name] = append(of.unreadable[name], f.Table)
		}
	}
	return findings, of
}

// checkPolicies compares the policies with the tables that are there. Where nothing can be vended, they cannot be
// tried, and the engine has said so.
func checkPolicies(ctx context.Context, path string, site *admin.Site, of said) (findings []Finding) {
	all, err := site.Served(ctx)
	if err != nil {
		return []Finding{{level(false), path, err.Error()}}
	}
	var problems []entitlements.Problem
	var open []*platforms.Platform
	for _, p := range all {
		closed := p.Closed()
		if closed == nil {
			open = append(open, p)
			problems = append(problems, slices.DeleteFunc(p.Warnings(), func(w entitlements.Problem) bool {
				return w.Warning && w.Table != entitlements.TableName{} &&
					slices.Contains(of.unreadable[p.Name], w.Table)
			})...)
		} else if policies, misfit := errors.AsType[*platforms.PolicyError](closed.Err); misfit {
			problems = append(problems, policies.Problems...)
		} else if !of.silent[p.Name] && closed.Findings == nil {
			findings = append(findings, Misread(site.Problem("platforms."+p.Name, "%v", closed.Err))...)
		}
	}
	problems = append(problems, checkQueries(ctx, site, open)...)
	// Lints compare all there is, and would find consequences of what does not fit.
	if len(open) == len(site.Platforms) && !entitlements.Fatal(problems) {
		warnings, err := lint(ctx, site.Config, open)
		if err != nil {
			findings = append(findings, Finding{level(false), path, err.Error()})
		}
		problems = append(problems, warnings...)
	}
	return append(findings, policyFindings(path, site.Config, problems)...)
}

// lint holds the policies against everything else there is: the agents, and all platforms at once.
func lint(ctx context.Context, cfg *config.Config, held []*platforms.Platform) ([]entitlements.Problem, error) {
	r := review.Review{
		Policies:  cfg.Policies,
		Agents:    cfg.Registry().Agents(),
		Users:     cfg.Identity.Users,
		Platforms: map[string]*entitlements.Entitlements{},
	}
	for _, i := range cfg.Identity.Issuers {
		r.Claims = slices.AppendSeq(r.Claims, maps.Keys(i.Claims.Attributes))
	}
	compiled := map[string]*requests.Compiled{}
	for _, p := range held {
		var err error
		if compiled[p.Name], err = p.Entitlements(ctx); err != nil {
			return nil, err
		}
		r.Platforms[p.Name] = compiled[p.Name].Entitlements
	}
	r.Beside = requests.Beside(cfg.Requests.Rules, compiled)
	for _, t := range cfg.Tests {
		r.Tested = append(r.Tested, described(t.Who)...)
	}
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

// described are the terms that a test says of a person.
func described(who expectation.Who) []entitlements.Term {
	out := []entitlements.Term{{Word: "user", Name: who.User}}
	for _, g := range who.Groups {
		out = append(out, entitlements.Term{Word: "group", Name: g})
	}
	for name, values := range who.Attributes {
		for _, v := range values {
			out = append(out, entitlements.Term{Word: "attribute", Name: name, Value: v})
		}
	}
	return out
}

// checkIdentity leaves out the mistakes that loading the configuration has found.
func checkIdentity(ctx context.Context, cfg *config.Config) (findings []Finding) {
	a, err := oidc.New(ctx, cfg.Identity, cfg.Registry(), oidc.Options{Audience: cfg.Server.PublicURL + "/mcp"})
	if err == nil {
		err = a.Ready(ctx)
	}
	var misread *config.Error
	if errors.As(cfg.Located(err), &misread) {
		return Misread(misread.Problems...)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			key := "identity"
			for i, issuer := range cfg.Identity.Issuers {
				if strings.Contains(line, "issuer "+issuer.URL+":") {
					key = mistake.At("identity.issuers", i) + ".url"
				}
			}
			findings = append(findings, Misread(cfg.Problem(key, "%s", strings.TrimSpace(line)))...)
		}
	}
	return findings
}

// policyFindings puts each problem where its line is.
func policyFindings(path string, cfg *config.Config, problems []entitlements.Problem) []Finding {
	var out []Finding
	for _, p := range problems {
		out = append(out, Finding{level(p.Warning), admin.Place(path, cfg.Line(p.Key)), p.String()})
	}
	return out
}

// Misread are the mistakes in the file as findings.
func Misread(problems ...config.Problem) []Finding {
	var out []Finding
	for _, p := range problems {
		text := p.Message
		if p.Key != "" {
			text = p.Key + ": " + text
		}
		out = append(out, Finding{level(false), admin.Place(p.File, p.Line), text})
	}
	return out
}

func level(warning bool) string {
	if warning {
		return "warning"
	}
	return "problem"
}
