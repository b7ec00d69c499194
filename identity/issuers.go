package identity

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// issuer is one configured OpenID provider, with everything its tokens are checked against.
type issuer struct {
	url        string
	prefix     string // of its users' ids; empty when it is the only issuer
	audience   string
	types      []string // of tokens, lower case; "" for a header without one
	algorithms []jose.SignatureAlgorithm
	claims     ClaimsConfig
	keys       *keySet
	verifier   *oidc.IDTokenVerifier
	now        func() time.Time
}

var (
	defaultAlgorithms    = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}
	asymmetricAlgorithms = []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
	// neverAccess are types of tokens that are something else than access tokens, whatever a configuration says.
	neverAccess = []string{"logout+jwt", "oauth-id-jag+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt"}
	issuerName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// newIssuers checks the configured issuers and asks none of them anything.
func newIssuers(configs []IssuerConfig, opts Options) ([]*issuer, error) {
	var issuers []*issuer
	names := map[string]bool{}
	for _, config := range configs {
		iss, err := newIssuer(config, opts)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(issuers, func(other *issuer) bool { return other.url == iss.url }) {
			return nil, fmt.Errorf("issuer %s: configured twice", config.URL)
		}
		if len(configs) > 1 {
			if !issuerName.MatchString(config.Name) || names[config.Name] {
				return nil, fmt.Errorf("issuer %s: with several issuers each needs a name of its own, without a slash", config.URL)
			}
			names[config.Name] = true
			iss.prefix = config.Name + "/"
		}
		issuers = append(issuers, iss)
	}
	return issuers, nil
}

func newIssuer(config IssuerConfig, opts Options) (*issuer, error) {
	remote, err := newRemote(config.URL, opts.HTTPClient)
	if err != nil {
		return nil, err
	}
	iss := &issuer{url: config.URL, audience: config.Audience, claims: config.Claims, now: opts.Now}
	if iss.audience == "" {
		iss.audience = opts.Audience
	}
	if iss.audience == "" {
		return nil, fmt.Errorf("issuer %s: no audience: set one, or the server's public URL", config.URL)
	}
	if iss.claims.Groups == "" {
		iss.claims.Groups = "groups"
	}
	if iss.claims.Name == "" {
		iss.claims.Name = "name"
	}
	for attribute, claim := range iss.claims.Attributes {
		if attribute == "" || claim == "" {
			return nil, fmt.Errorf("issuer %s: attribute %q is read from no claim", config.URL, attribute)
		}
	}
	if iss.types, err = tokenTypes(config.TokenTypes); err != nil {
		return nil, fmt.Errorf("issuer %s: %w", config.URL, err)
	}
	algorithms := config.Algorithms
	if len(algorithms) == 0 {
		algorithms = defaultAlgorithms
	}
	for _, name := range algorithms {
		if !slices.Contains(asymmetricAlgorithms, name) {
			return nil, fmt.Errorf("issuer %s: algorithm %q: want some of %s", config.URL, name, strings.Join(asymmetricAlgorithms, ", "))
		}
		iss.algorithms = append(iss.algorithms, jose.SignatureAlgorithm(name))
	}
	iss.keys = &keySet{fetch: remote.keys, algorithms: iss.algorithms, now: opts.Now}
	iss.verifier = oidc.NewVerifier(config.URL, iss.keys, &oidc.Config{
		ClientID: iss.audience, SupportedSigningAlgs: algorithms, Now: opts.Now,
	})
	return iss, nil
}

// tokenTypes normalises configured JOSE types. The empty one stands for a header without a type, for issuers that write none.
func tokenTypes(configured []string) ([]string, error) {
	if len(configured) == 0 {
		return []string{"at+jwt"}, nil
	}
	var types []string
	for _, t := range configured {
		t = tokenType(t)
		if slices.Contains(neverAccess, t) {
			return nil, fmt.Errorf("token type %q is never that of an access token", t)
		}
		types = append(types, t)
	}
	return types, nil
}

// tokenType folds a JOSE typ as RFC 7515 says: without case, and with "application/" understood.
func tokenType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
