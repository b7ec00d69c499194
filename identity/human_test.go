package identity_test

import (
	"testing"

	"deputy/identity"
)

// keyed is a process of an agent that has signed-in humans to act for.
func keyed(t *testing.T, variables map[string]string, h identity.Human) *identity.SignIn {
	t.Helper()
	variables["DEPUTY_AGENT_KEY"] = "key"
	s, err := identity.FromEnvironment(environment(variables))
	if err != nil {
		t.Fatal(err)
	}
	s.For(h)
	return s
}

func TestWhenAnAgentActsForWhoeverSignedIn(t *testing.T) {
	for _, row := range []struct {
		name          string
		asked         bool
		needed, known bool
		want          string
	}{
		{"it cannot act on its own", false, true, true, "signed in"},
		{"it may act on its own", false, false, true, ""},
		{"it may, and is asked not to", true, false, true, "signed in"},
		{"it is nobody", false, false, false, ""},
		{"it is nobody, and is asked to", true, false, false, "signed in"},
	} {
		s := keyed(t, map[string]string{}, identity.Human{
			Asked: row.asked, Needed: func(string) (bool, bool) { return row.needed, row.known }, Token: func() (string, error) { return "signed in", nil },
		})
		if c, err := s.Credentials(); err != nil || c.UserToken != row.want || c.AgentKey != "key" {
			t.Errorf("%s: the token is %q: got %q, %v", row.name, row.want, c.UserToken, err)
		}
	}
}

func TestACallWithoutItsHumanIsNotOneOfTheAgentAlone(t *testing.T) {
	gone := &identity.AuthError{Code: identity.Missing, Message: "gone"}
	for name, token := range map[string]func() (string, error){
		"nobody is signed in":    func() (string, error) { return "", gone },
		"an answer with nothing": func() (string, error) { return "", nil },
	} {
		s := keyed(t, map[string]string{}, identity.Human{Asked: true, Token: token})
		if c, err := s.Credentials(); code(err) != identity.Missing || c != (identity.Credentials{}) {
			t.Errorf("%s: there are no credentials: got %v", name, err)
		}
	}
}

func TestWhatTheConfigurationSaysLaterDoesNotTakeTheHumanOutOfACall(t *testing.T) {
	needed, known := false, false
	human := identity.Human{
		Needed: func(string) (bool, bool) { return needed, known },
		Token:  func() (string, error) { return "signed in", nil },
	}
	s := keyed(t, map[string]string{}, human)
	if c, err := s.Credentials(); err != nil || c.UserToken != "" {
		t.Errorf("nobody's key decides nothing: got %v", err)
	}
	needed, known = true, true
	for range 2 {
		if c, err := s.Credentials(); err != nil || c.UserToken != "signed in" {
			t.Errorf("once the agent needs a human, it has one: got %v", err)
		}
		needed = false // the agent may act on its own from here on
	}
}

func TestATokenInTheEnvironmentComesBeforeASignIn(t *testing.T) {
	s := keyed(
		t,
		map[string]string{"DEPUTY_USER_TOKEN": "given"},
		identity.Human{Asked: true, Token: func() (string, error) { return "signed in", nil }},
	)
	if c, err := s.Credentials(); err != nil || c.UserToken != "given" {
		t.Errorf("the token that was given is used: got %v", err)
	}
}
