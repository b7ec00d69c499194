package identity_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

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
	if err := yaml.Unmarshal([]byte("a: &x [EU]\nb: *x\nc: [&y US, *y]"), &got); err != nil ||
		fmt.Sprint(got) != "map[a:[EU] b:[EU] c:[US US]]" {
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
