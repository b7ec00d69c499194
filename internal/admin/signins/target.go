// Package signins says at which issuer a person signs in on this machine, for which server, and what is known of them.
package signins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/signin"
	"deputy/internal/admin"
	"deputy/internal/config"
)

// Kept is where the sign-ins of the user who runs the command are.
func Kept() (*signin.Store, error) {
	folder, err := signin.DefaultFolder(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &signin.Store{Folder: folder}, nil
}

// Target is a sign-in that the configuration makes possible, and what the issuer is called there.
type Target struct {
	Name string
	signin.Target
}

// Targets are all sign-ins that a configuration makes possible.
func Targets(cfg *config.Config) (all []Target) {
	offers := cfg.Identity.Offers()
	for _, i := range cfg.Identity.Issuers {
		if !i.Login.Offered() {
			continue
		}
		server := cfg.Server.PublicURL + "/mcp"
		t := Target{cmp.Or(i.Name, i.URL), signin.Target{
			Server: server, Issuer: i.URL, Audience: cmp.Or(i.Audience, server), Login: i.SignIn(), Command: "deputy login",
		}}
		if len(offers) > 1 {
			t.Command += " --issuer " + t.Name
		}
		all = append(all, t)
	}
	return all
}

// Names are what the issuers are called that people can sign in at.
func Names(cfg *config.Config) (names []string) {
	for _, offer := range cfg.Identity.Offers() {
		names = append(names, cmp.Or(offer.Name, offer.Issuer))
	}
	return names
}

// Which is the sign-in that a command is about: at a server elsewhere, or else in the configuration that Load reads.
type Which struct {
	Issuer string // name or URL; empty: the only one
	Server string // URL of a server elsewhere; empty: that of the configuration
	Load   func() (*config.Config, error)
}

// configured is the sign-in that the issuer names. Without it, it is the only one or, of kept sign-ins, the only one
// that there is; kept nil: it is about a new one.
func (w Which) configured(cfg *config.Config, kept *signin.Store) (signin.Target, error) {
	issuer := w.Issuer
	var names []string
	var matching, there []signin.Target
	for _, t := range Targets(cfg) {
		names = append(names, t.Name)
		if issuer == "" || issuer == t.Name || issuer == t.Issuer {
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
		return signin.Target{}, admin.Usagef("there is no issuer %q to sign in at%s", issuer,
			cmp.Or(admin.Near(issuer, names), ": those are "+strings.Join(names, ", ")))
	}
	return signin.Target{}, admin.Usagef("say at which issuer with --issuer: one of %s", strings.Join(names, ", "))
}

// verifying verifies tokens as the configuration says.
func verifying(ctx context.Context, cfg *config.Config) (*oidc.Authenticator, error) {
	a, err := oidc.New(ctx, cfg.Identity, cfg.Registry(), oidc.Options{Audience: cfg.Server.PublicURL + "/mcp"})
	if err != nil {
		return nil, cfg.Located(err)
	}
	return a, nil
}

// Find is the sign-in that a command uses. The registry is nil at a server elsewhere.
func (w Which) Find(ctx context.Context, kept *signin.Store) (signin.Target, *identity.Registry, error) {
	if w.Server != "" {
		t, err := kept.Session(w.Server, w.Issuer)
		return t, nil, InWords(err)
	}
	return w.verified(ctx, kept)
}

// verified is the configured sign-in, with tokens verified as a server would.
func (w Which) verified(ctx context.Context, kept *signin.Store) (signin.Target, *identity.Registry, error) {
	cfg, err := w.Load()
	if err != nil {
		return signin.Target{}, nil, err
	}
	t, err := w.configured(cfg, kept)
	if err != nil {
		return signin.Target{}, nil, err
	}
	a, err := verifying(ctx, cfg)
	if err != nil {
		return signin.Target{}, nil, err
	}
	t.Verify = a.SignedIn
	return t, cfg.Registry(), nil
}

// Ended is the sign-in that a person ends. No issuer is asked: signing out works while it is down.
func (w Which) Ended(kept *signin.Store) (signin.Target, error) {
	if w.Server != "" {
		return kept.Session(w.Server, w.Issuer)
	}
	cfg, err := w.Load()
	if err != nil {
		return signin.Target{}, err
	}
	return w.configured(cfg, kept)
}

// New is the sign-in that a person begins. The wanted client and audience go with a server elsewhere.
func (w Which) New(
	ctx context.Context,
	kept *signin.Store,
	wanted signin.Wanted,
	scopes []string,
) (signin.Target, error) {
	t, err := w.begun(ctx, kept, wanted)
	if err != nil {
		return t, err
	}
	for _, scope := range scopes {
		if !identity.IsScope(scope) {
			return t, admin.Usagef("%q is not a scope: one word each", scope)
		}
		if !slices.Contains(t.Login.Scopes, scope) {
			t.Login.Scopes = append(slices.Clip(t.Login.Scopes), scope)
		}
	}
	return t, nil
}

func (w Which) begun(ctx context.Context, kept *signin.Store, wanted signin.Wanted) (signin.Target, error) {
	if w.Server != "" {
		wanted.Issuer = w.Issuer
		return kept.Remote(ctx, w.Server, wanted)
	}
	if wanted.ClientID != "" || wanted.Audience != "" {
		return signin.Target{}, admin.Usagef(
			"--client-id and --audience go with --server: otherwise the configuration says them")
	}
	t, _, err := w.verified(ctx, nil)
	return t, err
}

// InWords is a refusal as it is said in a terminal.
func InWords(err error) error {
	refused, ok := errors.AsType[*identity.AuthError](err)
	switch {
	case !ok:
		return err
	//nolint:errorlint // an error that stands for it says more, and is told
	case refused.Cause == nil || refused.Cause == identity.ErrSignIn:
		return errors.New(refused.Message)
	}
	return fmt.Errorf("%s\n%w", refused.Message, refused.Cause)
}
