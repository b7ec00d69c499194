package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/signin"
	"deputy/internal/config"
)

// What login, whoami, logout and stdio have in common: at which issuer somebody signs in, for which server, and where
// it is kept.

// signInFlags says at which issuer and for which server.
func signInFlags(c *cobra.Command) {
	c.Flags().String("issuer", "", "`name` or URL of the issuer, when people can sign in at several")
	c.Flags().
		String("server", "", "`URL` of a Deputy elsewhere, such as https://deputy.example.com, instead of a configuration")
	c.RegisterFlagCompletionFunc(
		"issuer",
		func(c *cobra.Command, _ []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			cfg, err := loadConfig(c)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			for _, offer := range cfg.Identity.Offers() {
				names = append(names, cmp.Or(offer.Name, offer.Issuer))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	)
	c.RegisterFlagCompletionFunc("server", cobra.NoFileCompletions)
}

func signIns() (*signin.Store, error) {
	folder, err := signin.DefaultFolder(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &signin.Store{Folder: folder}, nil
}

// signInTarget is a sign-in that the configuration makes possible, and what the issuer is called there.
type signInTarget struct {
	name string
	signin.Target
}

// signInTargets are all of them.
func signInTargets(cfg *config.Config) (all []signInTarget) {
	offers := cfg.Identity.Offers()
	for _, i := range cfg.Identity.Issuers {
		if !i.Login.Offered() {
			continue
		}
		server := cfg.Server.PublicURL + "/mcp"
		t := signInTarget{cmp.Or(i.Name, i.URL), signin.Target{
			Server: server, Issuer: i.URL, Audience: cmp.Or(i.Audience, server), Login: i.SignIn(), Command: "deputy login",
		}}
		if len(offers) > 1 {
			t.Command += " --issuer " + t.name
		}
		all = append(all, t)
	}
	return all
}

// configuredTarget is the one that --issuer names. Without it, it is the only one or, if they are given, the only one
// somebody has signed in at.
func configuredTarget(c *cobra.Command, cfg *config.Config, kept *signin.Store) (signin.Target, error) {
	issuer, _ := c.Flags().GetString("issuer")
	var names []string
	var matching, there []signin.Target
	for _, t := range signInTargets(cfg) {
		names = append(names, t.name)
		if issuer == "" || issuer == t.name || issuer == t.Issuer {
			matching = append(matching, t.Target)
			if kept != nil && kept.Has(t.Target) {
				there = append(there, t.Target)
			}
		}
	}
	switch {
	case len(names) == 0:
		return signin.Target{}, errors.New(
			"nobody can sign in: no issuer in the configuration has a login (identity.issuers[].login.client_id)",
		)
	case len(matching) == 1:
		return matching[0], nil
	case len(there) == 1:
		return there[0], nil
	case len(matching) == 0:
		return signin.Target{}, &usageError{
			fmt.Errorf(
				"there is no issuer %q to sign in at%s",
				issuer,
				cmp.Or(near(issuer, names), ": those are "+strings.Join(names, ", ")),
			),
		}
	}
	return signin.Target{}, &usageError{
		errors.New("say at which issuer with --issuer: one of " + strings.Join(names, ", ")),
	}
}

// verifying verifies tokens as the configuration says, and knows its agents.
func verifying(ctx context.Context, cfg *config.Config) (*oidc.Authenticator, *identity.Registry, error) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return nil, nil, cfg.Located(err)
	}
	a, err := oidc.New(ctx, cfg.Identity, registry, oidc.Options{Audience: cfg.Server.PublicURL + "/mcp"})
	if err != nil {
		return nil, nil, cfg.Located(err)
	}
	return a, registry, nil
}

// keptSignIn is the sign-in that a command is about which does not sign in itself. The registry is nil at a server
// elsewhere.
func keptSignIn(c *cobra.Command, kept *signin.Store) (signin.Target, *identity.Registry, error) {
	if server, _ := c.Flags().GetString("server"); server != "" {
		issuer, _ := c.Flags().GetString("issuer")
		t, err := kept.Session(server, issuer)
		return t, nil, inWords(err)
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return signin.Target{}, nil, err
	}
	t, err := configuredTarget(c, cfg, kept)
	if err != nil {
		return signin.Target{}, nil, err
	}
	a, registry, err := verifying(c.Context(), cfg)
	if err != nil {
		return signin.Target{}, nil, err
	}
	t.Verify = a.SignedIn
	return t, registry, nil
}

// inWords is a refusal as it is said in a terminal, to somebody who can mend it.
func inWords(err error) error {
	refused, ok := errors.AsType[*identity.AuthError](err)
	switch {
	case !ok:
		return err
	case refused.Cause == nil || refused.Cause == identity.ErrSignIn:
		return errors.New(refused.Message)
	}
	return fmt.Errorf("%s\n%w", refused.Message, refused.Cause)
}
