package identity_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"deputy/identity"
)

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, err := identity.NewRegistry([]identity.AgentConfig{
		{Name: "Bot", Groups: []string{""}, Attributes: map[string]identity.Values{"b": nil, "a c": {""}}},
		{
			Name:      "bot",
			ClientIDs: []string{"", "c"},
			KeySHA256: []string{"x"},
			Modes:     []identity.Mode{identity.Autonomous, "obo"},
		},
	})
	var wrong *identity.ConfigError
	if !errors.As(err, &wrong) {
		t.Fatalf("the error is %v", err)
	}
	var keys []string
	for _, p := range wrong.Problems {
		keys = append(keys, p.Key)
	}
	if want := []string{"agents[0].name", "agents[0]", "agents[0].groups[0]", `agents[0].attributes."a c"`, "agents[0].attributes.b",
		"agents[1].modes[1]", "agents[1].client_ids[0]", "agents[1].key_sha256[0]"}; !reflect.DeepEqual(
		keys,
		want,
	) {
		t.Errorf("the problems are about %q, not %q", keys, want)
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
