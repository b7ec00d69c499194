package oidc

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
	"deputy/internal/mistake"
)

// Options are what an Authenticator needs besides the configuration. The zero value is useful.
type Options struct {
	// HTTPClient asks the issuers. Redirects are never followed and answers are bounded, whatever it says.
	HTTPClient *http.Client
	Now        func() time.Time // default time.Now
	Audience   string           // of issuers that configure none: the server's public URL with /mcp
	Proofs     *Proofs          // those that were used; default none yet. Give each Authenticator of a process the same
	Stops      identity.Stops   // the list of stops beside the configuration; nil: there is none

	// Before is the Authenticator that is in force until now. The keys of its issuers are kept for those that are the
	// same still, so that calls go on while one is down; nil: there is none.
	Before *Authenticator

	beside *verifier // whose issuers are asked, and no others: see Beside; nil: all are
}

// Authenticator is an identity.Authenticator that believes the access tokens of the configured issuers.
type Authenticator struct {
	*identity.Authenticator
	tokens *verifier
}

// IssuerState is how one issuer is.
type IssuerState struct {
	URL string
	Err error // Why its users cannot be verified now; nil: they can.
}

// Issuers asks each issuer whose keys are not here, and says how each is.
func (a *Authenticator) Issuers(ctx context.Context) (out []IssuerState) {
	for n, err := range a.tokens.ask(ctx) {
		out = append(out, IssuerState{a.tokens.issuers[n].url, err})
	}
	return out
}

// Check says what is wrong with the configuration without asking an issuer. The audience is that of issuers that
// configure none. Its error is an *identity.ConfigError.
func Check(config identity.Config, audience string) error {
	_, err := newVerifier(config, Options{Audience: audience})
	return err
}

// New checks the configuration and asks each issuer once. An issuer that does not answer does not stop the start: it is
// asked again when a call needs it, see Ready. One that answers with something else than its own configuration does.
func New(
	ctx context.Context,
	config identity.Config,
	registry *identity.Registry,
	opts Options,
) (*Authenticator, error) {
	a, err := offline(config, registry, opts)
	if err != nil {
		return nil, err
	}
	var wrong identity.Problems
	for n, err := range a.tokens.ask(ctx) {
		if errors.As(err, new(misconfigured)) {
			wrong.Add(mistake.At("identity.issuers", n)+".url", "%v", err)
		}
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return a, nil
}

func offline(config identity.Config, registry *identity.Registry, opts Options) (*Authenticator, error) {
	tokens, err := newVerifier(config, opts)
	if err != nil {
		return nil, err
	}
	a, err := identity.New(config, registry, tokens, identity.Options{Now: opts.Now, Stops: opts.Stops})
	if err != nil {
		return nil, err
	}
	return &Authenticator{a, tokens}, nil
}

// newVerifier checks the issuers and the users together, so that what is wrong with either is said at once.
func newVerifier(config identity.Config, opts Options) (*verifier, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Proofs == nil {
		opts.Proofs = NewProofs()
	}
	var wrong identity.Problems
	issuers := newIssuers(config, opts, &wrong)
	config.CheckUsers(&wrong)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return &verifier{issuers: issuers, cache: newTokenCache(), proofs: opts.Proofs}, nil
}

// Beside makes the Authenticator of a configuration that is not in force yet. It asks no issuer that only that
// configuration names: of the others it uses the keys that are here, whatever else the configuration says of them. Its
// error is an *identity.ConfigError.
func (a *Authenticator) Beside(
	config identity.Config,
	registry *identity.Registry,
	opts Options,
) (*Authenticator, error) {
	opts.beside = a.tokens
	return offline(config, registry, opts)
}

// Both accepts callers by this Authenticator and by one that was made beside it; nil: none was.
func (a *Authenticator) Both(waiting *Authenticator) identity.Both {
	if waiting == nil {
		return identity.Both{InForce: a.Authenticator}
	}
	return identity.Both{InForce: a.Authenticator, Waiting: waiting.Authenticator}
}

var errNotInForce = errors.New("the configuration that names it is not in force yet, so it is not asked")

// keep has the issuer go on with the keys that the one in force has: of the same address, for the same algorithms.
func (i *issuer) keep(before *verifier) {
	for _, other := range before.issuers {
		if other.url == i.url && slices.Equal(other.algorithms, i.algorithms) {
			i.keys = other.keys
		}
	}
}

// besides has the issuer use what the one in force has. Where that has nothing, tokens that need it cannot be verified.
func (i *issuer) besides(inForce *verifier) {
	n := slices.IndexFunc(inForce.issuers, func(other *issuer) bool { return other.url == i.url })
	if n < 0 {
		i.keys.fetch = func(context.Context) ([]jose.JSONWebKey, error) { return nil, errNotInForce }
	} else {
		i.keys = inForce.issuers[n].keys
	}
	if i.asks != nil && (n < 0 || inForce.issuers[n].asks == nil || inForce.issuers[n].asks.url != i.asks.url) {
		i.asks.silent = true
	}
}
