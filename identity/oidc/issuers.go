package oidc

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
	"deputy/internal/mistake"
)

// issuer is one configured OpenID provider, with everything its tokens are checked against.
type issuer struct {
	name       string
	url        string
	prefix     string // of its users' ids; empty when it is the only issuer
	audience   string
	types      []string // of tokens, lower case; "" for a header without one
	algorithms []jose.SignatureAlgorithm
	claims     identity.ClaimsConfig

	kind          identity.IssuerKind
	scopeRule     identity.ScopeRule
	scopePrefix   string
	allowUserinfo bool
	stewards      []string // client ids through which people act themselves

	asks      *introspection // about tokens that are not JWTs; nil: it does not
	boundOnly bool           // its tokens have to be bound to a key

	keys     *keySet
	verifier *goidc.IDTokenVerifier
	now      func() time.Time
}

var (
	defaultAlgorithms    = []string{goidc.RS256, goidc.ES256, goidc.PS256, goidc.EdDSA}
	asymmetricAlgorithms = []string{
		goidc.RS256, goidc.RS384, goidc.RS512, goidc.PS256, goidc.PS384, goidc.PS512,
		goidc.ES256, goidc.ES384, goidc.ES512, goidc.EdDSA,
	}
	// neverAccess are types of tokens that are something else than access tokens, whatever a configuration says.
	neverAccess = []string{"logout+jwt", "oauth-id-jag+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt"}
	issuerName  = regexp.MustCompile(`^` + identity.IssuerName + `$`)
)

// newIssuers checks the configured issuers and asks none of them anything.
func newIssuers(config identity.Config, opts Options, wrong *identity.Problems) []*issuer {
	var issuers []*issuer
	names, urls, asked := map[string]string{}, map[string]string{}, ""
	for i, one := range config.Issuers {
		key := mistake.At("identity.issuers", i)
		iss := newIssuer(one, opts, key, wrong)
		iss.prefix = config.UserPrefix(one)
		if first, twice := urls[one.URL]; twice {
			wrong.Add(key+".url", "%s is that issuer already: name each once", first)
		}
		urls[one.URL] = key
		if one.Introspection != nil && asked != "" {
			wrong.Add(
				key+".introspection",
				"%s is asked already: a token that is not a JWT does not say whose it is, so one issuer can be",
				asked,
			)
		}
		if one.Introspection != nil && asked == "" {
			asked = key
		}
		if len(config.Issuers) > 1 {
			first, twice := names[one.Name]
			switch {
			case one.Name == "":
				wrong.Add(key+".name", "missing: with several issuers each needs a name, and a user's id is NAME/SUB")
			case twice:
				wrong.Add(key+".name", "%s has the name %q already: each issuer needs its own", first, one.Name)
			}
			names[one.Name] = key
		}
		issuers = append(issuers, iss)
	}
	return issuers
}

func newIssuer(config identity.IssuerConfig, opts Options, key string, wrong *identity.Problems) *issuer {
	if config.Name != "" && !issuerName.MatchString(config.Name) {
		wrong.Add(
			key+".name",
			"%q is not a name: it is made of letters, digits, '.', '_' and '-', and starts with a letter or digit",
			config.Name,
		)
	}
	remote, err := newRemote(config.URL, opts.HTTPClient)
	if err != nil {
		wrong.Add(key+".url", "%v", err)
	}
	iss := &issuer{
		name: config.Name, url: config.URL, audience: cmp.Or(config.Audience, opts.Audience), claims: config.Claims,
		now: opts.Now, kind: cmp.Or(config.Kind, identity.Generic),
		scopeRule: cmp.Or(config.Scopes, identity.ScopesWhenPresent), scopePrefix: config.ScopePrefix,
		allowUserinfo: config.AllowUserinfo, stewards: append(slices.Clone(config.StewardClients), config.Login.ClientID),
	}
	defaults, known := presets[iss.kind]
	if !known {
		wrong.Add(
			key+".kind",
			"%q is not a kind of issuer%s (known: %s)",
			config.Kind,
			mistake.Hint(string(config.Kind), kinds()),
			strings.Join(kinds(), ", "),
		)
	}
	rules := []string{
		string(identity.ScopesWhenPresent), string(identity.ScopesRequired), string(identity.ScopesIgnored),
	}
	if !slices.Contains(rules, string(iss.scopeRule)) {
		wrong.Add(
			key+".scopes",
			"%q does not say what scopes are taken for%s (known: %s)",
			config.Scopes,
			mistake.Hint(string(config.Scopes), rules),
			strings.Join(rules, ", "),
		)
	}
	if strings.ContainsFunc(
		config.ScopePrefix,
		func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' },
	) {
		wrong.Add(
			key+".scope_prefix",
			"%q cannot stand before a scope: it is made of printable ASCII without spaces, quotes and backslashes",
			config.ScopePrefix,
		)
	}
	completeClaims(&iss.claims, defaults, key+".claims", wrong)
	for i, client := range config.StewardClients {
		if client == "" || strings.ContainsFunc(client, unicode.IsSpace) {
			wrong.Add(
				mistake.At(key+".steward_clients", i),
				"%q is empty or has a space in it: write the client id as it is in the issuer's tokens",
				client,
			)
		}
	}
	if iss.audience == "" {
		wrong.Add(
			key+".audience",
			"missing: write what the tokens for this server are made out to, or give the server a public URL",
		)
	}
	types := config.TokenTypes
	if len(types) == 0 {
		types = defaults.types
	}
	config.Login.Check(key+".login", wrong)
	switch config.DPoP {
	case "", identity.DPoPWhenBound:
	case identity.DPoPRequired:
		iss.boundOnly = true
	default:
		known := []string{string(identity.DPoPWhenBound), string(identity.DPoPRequired)}
		wrong.Add(
			key+".dpop",
			"%q is not one of them%s (known: %s)",
			config.DPoP,
			mistake.Hint(string(config.DPoP), known),
			strings.Join(known, ", "),
		)
	}
	iss.types = tokenTypes(types, key+".token_types", wrong)
	algorithms := config.Algorithms
	if len(algorithms) == 0 {
		algorithms = defaultAlgorithms
	}
	for i, name := range algorithms {
		if !slices.Contains(asymmetricAlgorithms, name) {
			wrong.Add(mistake.At(key+".algorithms", i), "%q is not an algorithm that is taken%s (known: %s)",
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
	if opts.Before != nil {
		iss.keep(opts.Before.tokens)
	}
	if opts.beside != nil {
		iss.besides(opts.beside)
	}
	iss.verifier = goidc.NewVerifier(config.URL, iss.keys, &goidc.Config{
		ClientID: iss.audience, SupportedSigningAlgs: algorithms, Now: opts.Now,
	})
	return iss
}

// changing are claims that say how somebody is called or written to. Whoever gets the name next would get what belonged
// to the last.
var changing = []string{
	"email",
	"emails",
	"preferred_username",
	"upn",
	"unique_name",
	"name",
	"given_name",
	"family_name",
	"nickname",
	"phone_number",
}

// completeClaims fills in what is left out, and checks the rest.
func completeClaims(c *identity.ClaimsConfig, defaults preset, key string, wrong *identity.Problems) {
	for _, list := range []struct {
		key      string
		claims   *[]string
		defaults []string
	}{
		{".user", &c.User, defaults.user},
		{".client", &c.Client, defaults.client},
		{".scopes", &c.Scopes, defaults.scopes},
	} {
		if len(*list.claims) == 0 {
			*list.claims = slices.Clone(list.defaults)
		}
		for i, claim := range *list.claims {
			switch key := mistake.At(key+list.key, i); {
			case claim == "":
				wrong.Add(key, "there is no value: write the name of a claim")
			case list.key == ".user" && slices.Contains(changing, claim):
				wrong.Add(key, "%q may be somebody else's tomorrow: write claims that stay one person's, such as sub", claim)
			case list.key == ".client" && (claim == "act" || claim == "sub" || claim == "aud"):
				wrong.Add(
					key,
					"%q does not say which client it is: act is read before all of these, sub and aud say something else",
					claim,
				)
			}
		}
	}
	c.Groups = cmp.Or(c.Groups, "groups")
	c.Name = cmp.Or(c.Name, "name")
	c.Email = cmp.Or(c.Email, "email")
	for _, attribute := range slices.Sorted(maps.Keys(c.Attributes)) {
		if attribute == "" || c.Attributes[attribute] == "" {
			wrong.Add(mistake.Below(key+".attributes", attribute), "an attribute is read from a claim: write ATTRIBUTE: CLAIM")
		}
	}
}

// tokenTypes normalises configured JOSE types. The empty one stands for a header without a type, for issuers that write
// none.
func tokenTypes(configured []string, key string, wrong *identity.Problems) []string {
	var types []string
	for i, t := range configured {
		t = tokenType(t)
		if slices.Contains(neverAccess, t) {
			wrong.Add(
				mistake.At(key, i),
				"%q is never the type of an access token: write at+jwt, or JWT for issuers that write that",
				t,
			)
		}
		types = append(types, t)
	}
	return types
}

// tokenType folds a JOSE typ as RFC 7515 says: without case, and with "application/" understood.
func tokenType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
