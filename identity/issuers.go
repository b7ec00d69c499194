package identity

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

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
	claims     ClaimsConfig

	kind          IssuerKind
	scopeRule     ScopeRule
	scopePrefix   string
	allowUserinfo bool
	stewards      []string // client ids through which people act themselves

	asks      *introspection // about tokens that are not JWTs; nil: it does not
	boundOnly bool           // its tokens have to be bound to a key

	keys     *keySet
	verifier *oidc.IDTokenVerifier
	now      func() time.Time
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
			wrong.add(
				key+".introspection",
				"%s is asked already: a token that is not a JWT does not say whose it is, so one issuer can be",
				asked,
			)
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
		wrong.add(
			key+".name",
			"%q is not a name: it is made of letters, digits, '.', '_' and '-', and starts with a letter or digit",
			config.Name,
		)
	}
	remote, err := newRemote(config.URL, opts.HTTPClient)
	if err != nil {
		wrong.add(key+".url", "%v", err)
	}
	iss := &issuer{
		name: config.Name, url: config.URL, audience: cmp.Or(config.Audience, opts.Audience), claims: config.Claims, now: opts.Now,
		kind: cmp.Or(
			config.Kind,
			Generic,
		), scopeRule: cmp.Or(config.Scopes, ScopesWhenPresent), scopePrefix: config.ScopePrefix,
		allowUserinfo: config.AllowUserinfo, stewards: append(slices.Clone(config.StewardClients), config.Login.ClientID),
	}
	defaults, known := presets[iss.kind]
	if !known {
		wrong.add(
			key+".kind",
			"%q is not a kind of issuer%s (known: %s)",
			config.Kind,
			mistake.Hint(string(config.Kind), kinds()),
			strings.Join(kinds(), ", "),
		)
	}
	if rules := []string{string(ScopesWhenPresent), string(ScopesRequired), string(ScopesIgnored)}; !slices.Contains(
		rules,
		string(iss.scopeRule),
	) {
		wrong.add(
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
		wrong.add(
			key+".scope_prefix",
			"%q cannot stand before a scope: it is made of printable ASCII without spaces, quotes and backslashes",
			config.ScopePrefix,
		)
	}
	iss.claims.complete(defaults, key+".claims", wrong)
	for i, client := range config.StewardClients {
		if client == "" || strings.ContainsFunc(client, unicode.IsSpace) {
			wrong.add(
				mistake.At(key+".steward_clients", i),
				"%q is empty or has a space in it: write the client id as it is in the issuer's tokens",
				client,
			)
		}
	}
	if iss.audience == "" {
		wrong.add(
			key+".audience",
			"missing: write what the tokens for this server are made out to, or give the server a public URL",
		)
	}
	types := config.TokenTypes
	if len(types) == 0 {
		types = defaults.types
	}
	config.Login.check(key+".login", wrong)
	switch config.DPoP {
	case "", DPoPWhenBound:
	case DPoPRequired:
		iss.boundOnly = true
	default:
		known := []string{string(DPoPWhenBound), string(DPoPRequired)}
		wrong.add(
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
	if opts.beside != nil {
		iss.besides(opts.beside)
	}
	iss.verifier = oidc.NewVerifier(config.URL, iss.keys, &oidc.Config{
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

// complete fills in what is left out, and checks the rest.
func (c *ClaimsConfig) complete(defaults preset, key string, wrong *problems) {
	for _, list := range []struct {
		key      string
		claims   *[]string
		defaults []string
	}{{".user", &c.User, defaults.user}, {".client", &c.Client, defaults.client}, {".scopes", &c.Scopes, defaults.scopes}} {
		if len(*list.claims) == 0 {
			*list.claims = slices.Clone(list.defaults)
		}
		for i, claim := range *list.claims {
			switch key := mistake.At(key+list.key, i); {
			case claim == "":
				wrong.add(key, "there is no value: write the name of a claim")
			case list.key == ".user" && slices.Contains(changing, claim):
				wrong.add(key, "%q may be somebody else's tomorrow: write claims that stay one person's, such as sub", claim)
			case list.key == ".client" && (claim == "act" || claim == "sub" || claim == "aud"):
				wrong.add(
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
			wrong.add(mistake.Below(key+".attributes", attribute), "an attribute is read from a claim: write ATTRIBUTE: CLAIM")
		}
	}
}

// tokenTypes normalises configured JOSE types. The empty one stands for a header without a type, for issuers that write
// none.
func tokenTypes(configured []string, key string, wrong *problems) []string {
	var types []string
	for i, t := range configured {
		t = tokenType(t)
		if slices.Contains(neverAccess, t) {
			wrong.add(
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
