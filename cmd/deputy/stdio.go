package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/assembly"
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
	flag, _ := c.Flags().GetBool("on-behalf")
	asked, never, issuer := signInAsked(flag)
	kept, err := signIns()
	if err != nil && asked {
		return err
	}
	d, err := follow(c, func() (*config.Config, error) {
		cfg, err := loadConfig(c)
		if err != nil {
			return nil, err
		}
		return cfg, notStdout(cfg)
	})
	if err != nil {
		return err
	}
	defer d.Close()
	if !never && kept != nil {
		signIn.For(identity.Human{
			Asked:  asked,
			Needed: func(key string) (needed, known bool) { return needsHuman(d.Config(), key) },
			Token:  func() (string, error) { return signedInToken(c.Context(), d, kept, issuer) },
		})
	}
	served, pin := d.Stdio(version()), identity.NewPin(nil)
	served.Credentials = signIn.Credentials
	served.Authenticator = func(g mcp.Generation) mcp.Authenticator { return pin.With(g.Authenticator()) }
	return mcpstdio.Serve(c.Context(), served, c.InOrStdin(), c.OutOrStdout())
}

// signInAsked is what whoever starts the process says about the human: that they are to be there, that they are not, or
// neither.
func signInAsked(flag bool) (asked, never bool, issuer string) {
	switch value := os.Getenv(identity.EnvSignIn); strings.ToLower(value) {
	case "":
		return flag, false, ""
	case "yes", "true", "1":
		return true, false, ""
	case "no", "false", "0":
		return flag, !flag, ""
	default:
		return true, false, value
	}
}

// needsHuman reports whether the agent of a key cannot act on its own.
func needsHuman(cfg *config.Config, key string) (needed, known bool) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return false, false
	}
	agent, known := registry.ByKey(key)
	return known && !agent.May(identity.Autonomous), known
}

// signedInToken is the token of whoever has signed in at an issuer of the configuration that holds now.
func signedInToken(ctx context.Context, d *assembly.Live, kept *signin.Store, issuer string) (string, error) {
	missing := func(text string) error {
		return &identity.AuthError{Code: identity.Missing, Message: text, Cause: identity.ErrSignIn}
	}
	var possible, there []signInTarget
	for _, t := range signInTargets(d.Config()) {
		if issuer != "" && issuer != t.name && issuer != t.Issuer {
			continue
		}
		possible = append(possible, t)
		if kept.Has(t.Target) {
			there = append(there, t)
		}
	}
	if len(there) == 0 && len(possible) == 1 {
		there = possible
	}
	switch {
	case len(possible) == 0:
		return "", &identity.AuthError{
			Code:    identity.Missing,
			Message: "there is no human to act for, and nobody can sign in here",
			Cause:   errors.New("no issuer in the configuration has a login, or none that " + identity.EnvSignIn + " names"),
		}
	case len(there) == 0:
		return "", missing("nobody is signed in on this machine: run \"deputy login\"")
	case len(there) > 1:
		return "", missing(
			"somebody is signed in at several issuers: set " + identity.EnvSignIn + " to the name of one of them",
		)
	}
	t := there[0].Target
	t.Verify = d.SignedIn
	return kept.Token(ctx, t)
}

// notStdout refuses an audit sink that would write into the protocol.
func notStdout(cfg *config.Config) error {
	for i, s := range cfg.Audit.Sinks {
		if s.Type == config.Stdout {
			return &config.Error{Problems: []config.Problem{cfg.Problem(fmt.Sprintf("audit.sinks[%d].type", i),
				"standard output is the agent's, with deputy stdio: use another sink")}}
		}
	}
	return nil
}
