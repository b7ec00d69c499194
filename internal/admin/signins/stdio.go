package signins

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/config"
)

// Wish is what the environment and a flag of deputy stdio say about the human behind the agent.
type Wish struct {
	Asked  bool   // the human is to be there
	Never  bool   // the human is not
	Issuer string // where they have signed in; empty: anywhere
}

// Wished reads the environment; flag says that the human is asked for all the same.
func Wished(flag bool) Wish {
	switch value := os.Getenv(identity.EnvSignIn); strings.ToLower(value) {
	case "":
		return Wish{Asked: flag}
	case "yes", "true", "1":
		return Wish{Asked: true}
	case "no", "false", "0":
		return Wish{Asked: flag, Never: !flag}
	default:
		return Wish{Asked: true, Issuer: value}
	}
}

// NeedsHuman reports whether the agent of a key cannot act on its own.
func NeedsHuman(cfg *config.Config, key string) (needed, known bool) {
	agent, known := cfg.Registry().ByKey(key)
	return known && !agent.May(identity.Autonomous), known
}

// Server is a running server that verifies sign-ins by the configuration that holds now.
type Server interface {
	Config() *config.Config
	SignedIn(ctx context.Context, token string) (identity.SignedIn, error)
}

// Token is the token of the human who has signed in at an issuer of the server's configuration.
func (w Wish) Token(ctx context.Context, d Server, kept *signin.Store) (string, error) {
	missing := func(text string) error {
		return &identity.AuthError{Code: identity.Missing, Message: text, Cause: identity.ErrSignIn}
	}
	var possible, there []Target
	for _, t := range Targets(d.Config()) {
		if w.Issuer != "" && w.Issuer != t.Name && w.Issuer != t.Issuer {
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

// NotStdout refuses an audit sink that would write into the protocol.
func NotStdout(cfg *config.Config) error {
	for i, s := range cfg.Audit.Sinks {
		if s.Type == config.Stdout {
			return &config.Error{Problems: []config.Problem{cfg.Problem(fmt.Sprintf("audit.sinks[%d].type", i),
				"standard output is the agent's, with deputy stdio: use another sink")}}
		}
	}
	return nil
}
