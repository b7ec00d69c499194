package identity

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"deputy/internal/mistake"
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
	asks       *introspection // about tokens that are not JWTs; nil: it does not
	boundOnly  bool           // its tokens have to be bound to a key
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
func newIssuers(configs []IssuerConfig, opts Options, wrong *problems) []*issuer {
	var issuers []*issuer
	names, urls, asked := map[string]string{}, map[string]string{}, ""
	for i, config := range configs {
		key := mistake.At("identity.issuers", i)
		iss := newIssuer(config, opts, key, wrong)
		if first, twice := urls[config.URL]; twice {
			wrong.add(key+".url", "%s is that issuer already: name each once", first)
		}
		urls[config.URL] = key
		if config.Introspection != nil && asked != "" {
			wrong.add(key+".introspection", "%s is asked already: a token that is not a JWT does not say whose it is, so one issuer can be", asked)
		}
		if config.Introspection != nil && asked == "" {
			asked = key
		}
		if len(configs) > 1 {
			first, twice := names[config.Name]
			switch {
			case config.Name == "":
				wrong.add(key+".name", "missing: with several issuers each needs a name, and a user's id is NAME/SUB")
			case twice:
				wrong.add(key+".name", "%s has the name %q already: each issuer needs its own", first, config.Name)
			}
			names[config.Name] = key
			iss.prefix = config.Name + "/"
		}
		issuers = append(issuers, iss)
	}
	return issuers
}

func newIssuer(config IssuerConfig, opts Options, key string, wrong *problems) *issuer {
	if config.Name != "" && !issuerName.MatchString(config.Name) {
		wrong.add(key+".name", "%q is not a name: it is made of letters, digits, '.', '_' and '-', and starts with a letter or digit", config.Name)
	}
	remote, err := newRemote(config.URL, opts.HTTPClient)
	if err != nil {
		wrong.add(key+".url", "%v", err)
	}
	iss := &issuer{url: config.URL, audience: cmp.Or(config.Audience, opts.Audience), claims: config.Claims, now: opts.Now}
	if iss.audience == "" {
		wrong.add(key+".audience", "missing: write what the tokens for this server are made out to, or give the server a public URL")
	}
	iss.claims.Groups = cmp.Or(iss.claims.Groups, "groups")
	iss.claims.Name = cmp.Or(iss.claims.Name, "name")
	for _, attribute := range slices.Sorted(maps.Keys(iss.claims.Attributes)) {
		if attribute == "" || iss.claims.Attributes[attribute] == "" {
			wrong.add(mistake.Below(key+".claims.attributes", attribute), "an attribute is read from a claim: write ATTRIBUTE: CLAIM")
		}
	}
	switch config.DPoP {
	case "", DPoPWhenBound:
	case DPoPRequired:
		iss.boundOnly = true
	default:
		known := []string{string(DPoPWhenBound), string(DPoPRequired)}
		wrong.add(key+".dpop", "%q is not one of them%s (known: %s)", config.DPoP, mistake.Hint(string(config.DPoP), known), strings.Join(known, ", "))
	}
	iss.types = tokenTypes(config.TokenTypes, key+".token_types", wrong)
	algorithms := config.Algorithms
	if len(algorithms) == 0 {
		algorithms = defaultAlgorithms
	}
	for i, name := range algorithms {
		if !slices.Contains(asymmetricAlgorithms, name) {
			wrong.add(mistake.At(key+".algorithms", i), "%q is not an algorithm that is taken%s (known: %s)",
				name, mistake.Hint(name, asymmetricAlgorithms), strings.Join(asymmetricAlgorithms, ", "))
		}
		iss.algorithms = append(iss.algorithms, jose.SignatureAlgorithm(name))
	}
	if err != nil {
		return iss
	}
	if config.Introspection != nil {
		iss.asks = newIntrospection(*config.Introspection, iss, remote, key+".introspection", wrong)
	}
	iss.keys = &keySet{fetch: remote.keys, algorithms: iss.algorithms, now: opts.Now}
	iss.verifier = oidc.NewVerifier(config.URL, iss.keys, &oidc.Config{
		ClientID: iss.audience, SupportedSigningAlgs: algorithms, Now: opts.Now,
	})
	return iss
}

// tokenTypes normalises configured JOSE types. The empty one stands for a header without a type, for issuers that write none.
func tokenTypes(configured []string, key string, wrong *problems) []string {
	if len(configured) == 0 {
		return []string{"at+jwt"}
	}
	var types []string
	for i, t := range configured {
		t = tokenType(t)
		if slices.Contains(neverAccess, t) {
			wrong.add(mistake.At(key, i), "%q is never the type of an access token: write at+jwt, or JWT for issuers that write that", t)
		}
		types = append(types, t)
	}
	return types
}

// tokenType folds a JOSE typ as RFC 7515 says: without case, and with "application/" understood.
func tokenType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
