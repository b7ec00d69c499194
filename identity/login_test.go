package identity

import (
	"slices"
	"strings"
	"testing"
)

// A token says what it may be used for at most, where its issuer writes scopes into it. One that was got for openid
// alone could then be used for nothing at all.
func TestPeopleSignInForWhatTheToolsNeedAndNeverToApprove(t *testing.T) {
	for name, tt := range map[string]struct {
		config IssuerConfig
		want   string
	}{
		"nothing written":                   {IssuerConfig{}, "openid offline_access query describe request"},
		"scopes required":                   {IssuerConfig{Scopes: ScopesRequired}, "openid offline_access query describe request"},
		"a prefix":                          {IssuerConfig{ScopePrefix: "api://deputy/"}, "openid offline_access api://deputy/query api://deputy/describe api://deputy/request"},
		"scopes ignored":                    {IssuerConfig{Scopes: ScopesIgnored, ScopePrefix: "api://deputy/"}, "openid offline_access"},
		"scopes written":                    {IssuerConfig{ScopePrefix: "api://deputy/", Login: LoginConfig{Scopes: []string{"openid", "api://deputy/.default"}}}, "openid api://deputy/.default"},
		"no scopes, and that is written":    {IssuerConfig{Login: LoginConfig{Scopes: []string{}}}, ""},
		"people decide through this client": {IssuerConfig{StewardClients: []string{"deputy-login"}, Login: LoginConfig{ClientID: "deputy-login"}}, "openid offline_access query describe request"},
	} {
		tt.config.Login.ClientID = "deputy-login"
		got := tt.config.SignIn()
		if strings.Join(got.Scopes, " ") != tt.want || got.AudienceParameter != ByResource {
			t.Errorf("%s: %+v", name, got)
		}
		if offers := (Config{Issuers: []IssuerConfig{tt.config}}).Offers(); len(offers) != 1 ||
			!slices.Equal(offers[0].Scopes, got.Scopes) {
			t.Errorf("%s: offered is %+v", name, offers)
		}
	}
	one := IssuerConfig{}.SignIn()
	one.Scopes[0] = "changed"
	if (IssuerConfig{}).SignIn().Scopes[0] != "openid" {
		t.Error("two share the list")
	}
}
