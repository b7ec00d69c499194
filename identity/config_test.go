package identity_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"deputy/identity"
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
		{"an issuer in the clear", url("http://id.example"), "must be https"},
		{"an issuer in the clear that looks local", url("http://127.0.0.1.example"), "must be https"},
		{"an issuer without host", url("https:///realm"), "want https://host/path"},
		{"an issuer without scheme", url("id.example"), "want https://host/path"},
		{"an issuer with a password", url("https://user:secret@id.example"), "want https://host/path"},
		{"an issuer with a query", url("https://id.example?realm=a"), "want https://host/path"},
		{"no issuer URL", url(""), "want https://host/path"},
		{"no audience", one(func(c *identity.IssuerConfig) { c.Audience = "" }), "no audience"},
		{"algorithm none", one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"none"} }), `algorithm "none"`},
		{"algorithm HS256", one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"ES256", "HS256"} }), `algorithm "HS256"`},
		{"an algorithm nobody knows", one(func(c *identity.IssuerConfig) { c.Algorithms = []string{"es256"} }), `algorithm "es256"`},
		{"logout tokens", one(func(c *identity.IssuerConfig) { c.TokenTypes = []string{"application/Logout+JWT"} }), "never that of an access token"},
		{"an attribute of no claim", one(func(c *identity.IssuerConfig) { c.Claims.Attributes = map[string]string{"region": ""} }), "read from no claim"},
		{"several issuers without names", two("", ""), "a name of its own"},
		{"several issuers of one name", two("id", "id"), "a name of its own"},
		{"an issuer with a slash in its name", two("a/b", "c"), "a name of its own"},
		{"an issuer twice", identity.Config{Issuers: []identity.IssuerConfig{
			{Name: "a", URL: up.URL(), Audience: audience}, {Name: "b", URL: up.URL(), Audience: audience},
		}}, "configured twice"},
		{"a user without id", user(identity.UserConfig{}), "no id"},
		{"a user twice", user(identity.UserConfig{ID: "taylor"}, identity.UserConfig{ID: "taylor"}), "configured twice"},
		{"a user with an empty group", user(identity.UserConfig{ID: "taylor", Groups: []string{""}}), "a group has no name"},
		{"a user of none of several issuers", func() identity.Config {
			c := two("staff", "partners")
			c.Users = []identity.UserConfig{{ID: "taylor"}}
			return c
		}(), "an id is ISSUER/SUB"},
	}
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := identity.New(context.Background(), row.config, registry, identity.Options{})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the start stops and says %q: got %v", row.says, err)
			}
		})
	}
	if _, err := identity.New(context.Background(), identity.Config{}, nil, identity.Options{}); err == nil {
		t.Error("there is no identity without a registry")
	}
	config := one(func(c *identity.IssuerConfig) { c.Audience = "" })
	if _, err := identity.New(context.Background(), config, registry, identity.Options{Audience: audience}); err != nil {
		t.Errorf("the server's own audience is the default: %v", err)
	}
}

func TestValuesAreWrittenWithOrWithoutBrackets(t *testing.T) {
	rows := []struct {
		yaml string
		want identity.Values // nil: refused
	}{
		{"EU", identity.Values{"EU"}},
		{"[EU, US]", identity.Values{"EU", "US"}},
		{"007", identity.Values{"007"}},
		{"[1.50, true, 2026-11-23]", identity.Values{"1.50", "true", "2026-11-23"}},
		{`"null"`, identity.Values{"null"}},
		{"[]", identity.Values{}},
		{"[EU, null]", nil},
		{"[[EU]]", nil},
		{"{EU: US}", nil},
	}
	for _, row := range rows {
		var got struct{ V identity.Values }
		err := yaml.Unmarshal([]byte("v: "+row.yaml), &got)
		if (err == nil) != (row.want != nil) || err == nil && !reflect.DeepEqual(got.V, row.want) {
			t.Errorf("%s is %q: got %q, %v", row.yaml, row.want, got.V, err)
		}
		if err != nil && !strings.Contains(err.Error(), "line 1") {
			t.Errorf("the error names the line: %v", err)
		}
	}
	var got map[string]identity.Values
	if err := yaml.Unmarshal([]byte("a: &x [EU]\nb: *x\nc: [&y US, *y]"), &got); err != nil || fmt.Sprint(got) != "map[a:[EU] b:[EU] c:[US US]]" {
		t.Errorf("anchors can be used: got %v, %v", got, err)
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := identity.Credentials{Bearer: "hidden", AgentKey: "hidden", UserToken: "hidden"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(format, c); strings.Contains(printed, "hidden") {
			t.Errorf("%s does not print credentials: got %s", format, printed)
		}
		if printed := fmt.Sprintf(format, []any{c, &c}); strings.Contains(printed, "hidden") {
			t.Errorf("%s does not print credentials in a list: got %s", format, printed)
		}
	}
}
