package signin

import (
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"deputy/identity"
)

func TestConsentIsAskedForWhereARefreshTokenTakesIt(t *testing.T) {
	for name, c := range map[string]struct {
		login identity.LoginConfig
		want  string
	}{
		"with offline_access":           {identity.LoginConfig{Scopes: []string{"openid", "offline_access"}}, "consent"},
		"at Auth0, too":                 {identity.LoginConfig{Scopes: []string{"offline_access"}, AudienceParameter: identity.ByAudience}, "consent"},
		"not without":                   {identity.LoginConfig{Scopes: []string{"openid"}}, ""},
		"not where it shuts people out": {identity.LoginConfig{Scopes: []string{"offline_access"}, AudienceParameter: identity.ByNone}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := Target{Login: c.login}
			address, err := url.Parse((&oauth2.Config{}).AuthCodeURL("state", target.consent()...))
			if err != nil || address.Query().Get("prompt") != c.want {
				t.Errorf("the prompt is %q (%v)", address.Query().Get("prompt"), err)
			}
		})
	}
}
