package oidc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
)

func TestConfigurationsThatStopTheStart(t *testing.T) {
	up := startIssuer(t, newClock())
	one := func(change func(*identity.IssuerConfig)) identity.Config {
		c := identity.IssuerConfig{URL: up.URL(), Audience: audience}
		change(&c)
		return identity.Config{Issuers: []identity.IssuerConfig{c}}
	}
	url := func(u string) identity.Config {
		return one(func(c *identity.IssuerConfig) { c.URL = u })
	}
	asking := func(i identity.IntrospectionConfig) identity.Config {
		return one(func(c *identity.IssuerConfig) { c.Introspection = &i })
	}
	user := func(users ...identity.UserConfig) identity.Config {
		c := one(func(*identity.IssuerConfig) {})
		c.Users = users
		return c
	}
	two := func(a, b string) identity.Config {
		return identity.Config{Issuers: []identity.IssuerConfig{
			{Name: a, URL: up.URL(), Audience: audience}, {Name: b, URL: "https://id.example", Audience: audience},
		}}
	}
	rows := []struct {
		name   string
		config identity.Config
		says   string
	}{
		{
			"an issuer in the clear",
			url("http://id.example"),
			"identity.issuers[0].url: whoever is in between could sign tokens: write https",
		},
		{"an issuer in the clear that looks local", url("http://127.0.0.1.example"), "write https"},
		{
			"an issuer without host",
			url("https:///realm"),
			"identity.issuers[0].url: an issuer is a scheme, a host and a path, and nothing more",
		},
		{
			"an issuer without scheme",
			url("id.example"),
			"identity.issuers[0].url: an issuer is a scheme, a host and a path, and nothing more",
		},
		{
			"an issuer with a password",
			url("https://user:secret@id.example"),
			"identity.issuers[0].url: an issuer is a scheme, a host and a path, and nothing more",
		},
		{
			"an issuer with a query",
			url("https://id.example?realm=a"),
			"identity.issuers[0].url: an issuer is a scheme, a host and a path, and nothing more",
		},
		{"no issuer URL", url(""), "identity.issuers[0].url: an issuer is a scheme, a host and a path, and nothing more"},
		{"no audience", one(func(c *identity.IssuerConfig) { c.Audience = "" }), "identity.issuers[0].audience: missing"},
		{
			"algorithm none",
			one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"none"} }),
			`identity.issuers[0].algorithms[0]: "none" is not an algorithm that is taken (known: `,
		},
		{
			"algorithm HS256",
			one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"ES256", "HS256"} }),
			`identity.issuers[0].algorithms[1]: "HS256" is not an algorithm that is taken`,
		},
		{
			"an algorithm nobody knows",
			one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"es256"} }),
			`identity.issuers[0].algorithms[0]: "es256" is not an algorithm that is taken; did you mean "ES256"?`,
		},
		{
			"logout tokens",
			one(func(c *identity.IssuerConfig) { c.TokenTypes = []string{"application/Logout+JWT"} }),
			"identity.issuers[0].token_types[0]: \"logout+jwt\" is never the type of an access token",
		},
		{
			"a login without a client",
			one(func(c *identity.IssuerConfig) { c.Login.RedirectPort = 8400 }),
			"identity.issuers[0].login.client_id: missing",
		},
		{
			"a client with a space",
			one(func(c *identity.IssuerConfig) { c.Login.ClientID = "deputy login" }),
			`identity.issuers[0].login.client_id: "deputy login" has a space in it`,
		},
		{"two scopes in one", one(func(c *identity.IssuerConfig) {
			c.Login = identity.LoginConfig{ClientID: "login", Scopes: []string{"openid", "query describe"}}
		}), `identity.issuers[0].login.scopes[1]: "query describe" is not a scope`},
		{
			"a port that is none",
			one(func(c *identity.IssuerConfig) { c.Login = identity.LoginConfig{ClientID: "login", RedirectPort: 65536} }),
			"identity.issuers[0].login.redirect_port: out of range",
		},
		{"a parameter of no issuer", one(func(c *identity.IssuerConfig) {
			c.Login = identity.LoginConfig{ClientID: "login", AudienceParameter: "aud"}
		}), `identity.issuers[0].login.audience_parameter: "aud" is not one of resource, audience, none`},
		{
			"an attribute of no claim",
			one(func(c *identity.IssuerConfig) { c.Claims.Attributes = map[string]string{"region": ""} }),
			"identity.issuers[0].claims.attributes.region: an attribute is read from a claim",
		},
		{
			"DPoP in a word nobody knows",
			one(func(c *identity.IssuerConfig) { c.DPoP = "require" }),
			`identity.issuers[0].dpop: "require" is not one of them; did you mean "required"? (known: when_bound, required)`,
		},
		{
			"introspection by nobody",
			asking(identity.IntrospectionConfig{}),
			"identity.issuers[0].introspection.client_id: missing",
		},
		{
			"introspection without a secret",
			asking(identity.IntrospectionConfig{ClientID: "deputy"}),
			"identity.issuers[0].introspection.client_secret: missing",
		},
		{
			"introspection in the clear",
			asking(identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s", URL: "http://id.example/introspect"}),
			"identity.issuers[0].introspection.url: tokens and the secret travel to it: write https",
		},
		{
			"introspection with a password in its address",
			asking(
				identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s", URL: "https://a:b@id.example/introspect"},
			),
			"identity.issuers[0].introspection.url: tokens and the secret travel to it",
		},
		{
			"introspection that is remembered for an hour",
			asking(identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s", Cache: time.Hour}),
			"identity.issuers[0].introspection.cache: a token that its issuer has revoked counts for that long: write 1s to 5m",
		},
		{
			"introspection that is remembered for less than nothing",
			asking(identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s", Cache: -1}),
			"identity.issuers[0].introspection.cache: ",
		},
		{"two issuers that are asked", identity.Config{Issuers: []identity.IssuerConfig{
			{
				Name:          "a",
				URL:           up.URL(),
				Audience:      audience,
				Introspection: &identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s"},
			},
			{
				Name:          "b",
				URL:           "https://id.example",
				Audience:      audience,
				Introspection: &identity.IntrospectionConfig{ClientID: "deputy", ClientSecret: "s"},
			},
		}}, "identity.issuers[1].introspection: identity.issuers[0] is asked already"},
		{
			"several issuers without names",
			two("", ""),
			"identity.issuers[1].name: missing: with several issuers each needs a name",
		},
		{
			"several issuers of one name",
			two("id", "id"),
			`identity.issuers[1].name: identity.issuers[0] has the name "id" already`,
		},
		{"an issuer with a slash in its name", two("a/b", "c"), `identity.issuers[0].name: "a/b" is not a name`},
		{"an issuer twice", identity.Config{Issuers: []identity.IssuerConfig{
			{Name: "a", URL: up.URL(), Audience: audience}, {Name: "b", URL: up.URL(), Audience: audience},
		}}, "identity.issuers[1].url: identity.issuers[0] is that issuer already"},
		{"a user without id", user(identity.UserConfig{}), "identity.users[0].id: missing"},
		{
			"a user twice",
			user(identity.UserConfig{ID: "taylor"}, identity.UserConfig{ID: "taylor"}),
			"identity.users[1].id: identity.users[0] is that user already",
		},
		{
			"a user with an empty group",
			user(identity.UserConfig{ID: "taylor", Groups: []string{""}}),
			"identity.users[0].groups[0]: there is no value",
		},
		{"a user of none of several issuers", func() identity.Config {
			c := two("staff", "partners")
			c.Users = []identity.UserConfig{{ID: "taylor"}}
			return c
		}(), `identity.users[0].id: "taylor" is nobody's id: with several issuers an id is ISSUER/SUB`},
	}
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := oidc.New(context.Background(), row.config, registry, oidc.Options{})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the start stops and says %q: got %v", row.says, err)
			}
		})
	}
	for _, row := range rows {
		var wrong *identity.ConfigError
		if err := oidc.Check(row.config, ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s is found without asking an issuer: got %v", row.name, err)
		}
	}
	if _, err := oidc.New(context.Background(), identity.Config{}, nil, oidc.Options{}); err == nil {
		t.Error("there is no identity without a registry")
	}
	config := one(func(c *identity.IssuerConfig) { c.Audience = "" })
	if _, err := oidc.New(context.Background(), config, registry, oidc.Options{Audience: audience}); err != nil {
		t.Errorf("the server's own audience is the default: %v", err)
	}
}
