package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/internal/config"
)

var (
	bot   = config.Party{ID: "bot"}
	robin = config.Party{User: true, ID: "robin"}
)

// TestSwitching is the list of texts before and after. All that is not about the flag stays as it is, comments and all.
func TestSwitching(t *testing.T) {
	for _, tt := range []struct {
		name     string
		who      config.Party
		disabled bool
		before   string
		after    string // or what is said, after "! "; "=": it stays
	}{
		{"an agent", bot, true, "# top\nagents:\n  - name: bot   # the bot\n    # its client\n    client_ids: [c]\n", "# top\nagents:\n  - name: bot   # the bot\n    disabled: true\n    # its client\n    client_ids: [c]\n"},
		{"an agent without indentation", bot, true, "agents:\n- name: bot\n  client_ids: [c]\n- name: other\n", "agents:\n- name: bot\n  disabled: true\n  client_ids: [c]\n- name: other\n"},
		{"an agent whose name comes last, at the end of the file", bot, true, "agents:\n  - client_ids: [c]\n    name: bot", "agents:\n  - client_ids: [c]\n    name: bot\n    disabled: true"},
		{"an agent in quotes", bot, true, "agents:\n  - name: 'bot'\n  - name: \"other\"\n", "agents:\n  - name: 'bot'\n    disabled: true\n  - name: \"other\"\n"},
		{"an agent in braces", bot, true, "agents: [{name: é}, {name: bot, client_ids: [c]}] # two\n", "agents: [{name: é}, {name: bot, disabled: true, client_ids: [c]}] # two\n"},
		{"an agent with line ends of Windows", bot, true, "agents:\r\n  - name: bot # x\r\n    client_ids: [c]\r\n", "agents:\r\n  - name: bot # x\r\n    disabled: true\r\n    client_ids: [c]\r\n"},
		{"an agent that is enabled in so many words", bot, true, "agents:\n  - {name: bot, disabled: false}   # why\n", "agents:\n  - {name: bot, disabled: true}   # why\n"},
		{"an agent that is disabled, again enabled", bot, false, "agents:\n  - disabled: true # since yesterday\n    name: bot\n", "agents:\n  - disabled: false # since yesterday\n    name: bot\n"},
		{"an agent that is disabled already", bot, true, "agents:\n  - {name: bot, disabled: true}\n", "="},
		{"an agent that never was", bot, false, "agents:\n  - name: bot\n", "="},
		{"another agent's name in a comment and in a value", bot, true, "agents:\n  - name: other # name: bot\n    description: 'name: bot'\n  - name: bot\n", "agents:\n  - name: other # name: bot\n    description: 'name: bot'\n  - name: bot\n    disabled: true\n"},
		{"an agent that is not there", bot, true, "agents:\n  - name: bots\n", `! there is no agent bot in the file; did you mean "bots"?`},
		{"an agent twice", bot, true, "agents:\n  - name: bot\n  - name: bot\n", "! the agent bot is there twice: nothing was changed\nwrite by hand, at line 3: disabled: true, below the name of agent bot"},
		{"a name of several lines", bot, true, "agents:\n  - name: >-\n      bot\n    client_ids: [c]\n", "! the name is not written in one piece on one line"},
		{"a name with an escape", bot, true, "agents:\n  - name: \"b\\u006ft\"\n", "! the name is not written in one piece on one line"},
		{"a flag that is a variable", bot, true, "agents:\n  - name: bot\n    disabled: ${BOT_OFF}\n", "! what disabled is now is not written as true or false: nothing was changed\nwrite by hand, at line 3"},
		{"a flag in quotes", bot, true, "agents:\n  - name: bot\n    disabled: 'false'\n", "! what disabled is now is not written as true or false"},
		{"a line that only YAML ends, and another agent where the name seems to be", bot, true, "agents:\n  - description: \"a\u2028b\"\n  - name: bot\n  - abcd: bot\n", "! the file is written in a way that is not understood well enough to change it"},
		{"a file with an anchor", bot, true, "agents:\n  - &x\n    name: bot\n", "! anchors (&x) are not understood here"},
		{"no YAML", bot, true, "agents: [", "! not YAML"},

		{"a user of whom something is said", robin, true, "identity:\n  users:\n    - id: robin\n      groups: [G]\n", "identity:\n  users:\n    - id: robin\n      disabled: true\n      groups: [G]\n"},
		{"a user of whom nothing was said", robin, true, "identity:\n  users: # people\n    # Taylor\n    - id: taylor\n", "identity:\n  users: # people\n    - {id: robin, disabled: true}\n    # Taylor\n    - id: taylor\n"},
		{"a user in a list without indentation", robin, true, "identity:\n  users:\n  - id: taylor\n", "identity:\n  users:\n  - {id: robin, disabled: true}\n  - id: taylor\n"},
		{"a user in an empty list", robin, true, "identity:\n  users: []\n", "identity:\n  users: [{id: robin, disabled: true}]\n"},
		{"a user in brackets", robin, true, "identity: {users: [{id: taylor}]}\n", "identity: {users: [{id: robin, disabled: true}, {id: taylor}]}\n"},
		{"the first user", robin, true, "identity: # who\n    issuers: []\nagents: []\n", "identity: # who\n    users:\n      - {id: robin, disabled: true}\n    issuers: []\nagents: []\n"},
		{"the first user of an identity in braces", robin, true, "identity: {issuers: []}\n", "! the list of users is written in a way that is not understood well enough to add to it: nothing was changed\nwrite by hand, at line 1: {id: robin, disabled: true}, below users: of identity"},
		{"a user without a section", robin, true, "agents: []\n", "! the file has no section identity"},
		{"a user of whom nothing was said, enabled", robin, false, "identity:\n  users: []\n", "="},
		{"a user whose id is no plain word", config.Party{User: true, ID: `corp/a: "b"`}, true, "identity:\n  users: []\n", "identity:\n  users: [{id: \"corp/a: \\\"b\\\"\", disabled: true}]\n"},
		{"a user whose id is a word of YAML", config.Party{User: true, ID: "null"}, true, "identity:\n  users: []\n", "identity:\n  users: [{id: \"null\", disabled: true}]\n"},
		{"a user whose id is a number", config.Party{User: true, ID: "007"}, true, "identity:\n  users: []\n", "identity:\n  users: [{id: \"007\", disabled: true}]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "deputy.yaml")
			if err := os.WriteFile(path, []byte(tt.before), 0o640); err != nil {
				t.Fatal(err)
			}
			changed, err := config.Switch(path, tt.who, tt.disabled, env())
			got, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			want := tt.after
			if says, refused := strings.CutPrefix(want, "! "); refused {
				if err == nil || !strings.Contains(err.Error(), says) || changed {
					t.Errorf("it is refused with %v, not %s", err, says)
				}
				want = "="
			} else if err != nil || changed != (want != "=") {
				t.Fatalf("changed %t, %v", changed, err)
			}
			if want == "=" {
				want = tt.before
			}
			if string(got) != want {
				t.Errorf("the file is\n%s\nnot\n%s", got, want)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("its mode is %v (%v)", info.Mode(), err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
				t.Errorf("left behind are %v", left)
			}
		})
	}
}

// With several issuers, a user's id begins with one's name. A file with another one would not be taken by a running server, which would
// go on with the one before: nobody would be disabled.
func TestASwitchThatTheServerWouldNotTakeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	text := completed("identity:\n  issuers:\n    - {name: a, url: https://a.example.com}\n    - {name: b, url: https://b.example.com}\n")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := config.Switch(path, robin, true, env())
	if changed || err == nil || !strings.Contains(err.Error(), `the file would not hold, so nothing was changed: identity.users[0].id: "robin" is nobody's id`) {
		t.Errorf("changed %t, %v", changed, err)
	}
	if got, _ := os.ReadFile(path); string(got) != text {
		t.Errorf("the file is\n%s", got)
	}
	if changed, err := config.Switch(path, config.Party{User: true, ID: "b/robin"}, true, env()); !changed || err != nil {
		t.Errorf("with the issuer's name: changed %t, %v", changed, err)
	}
}

func TestAFileThatCannotBeReplacedIsLeftToItsOwner(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "deputy.yaml")
	if err := os.WriteFile(path, []byte("agents:\n  - name: bot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if changed, err := config.Switch(link, bot, true, env()); !changed || err != nil {
		t.Fatalf("through a link: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no longer one: %v", err)
	}
	path = filepath.Join(folder, strings.Repeat("x", 250)) // there is no room for a longer name beside it, not even for root
	if err := os.WriteFile(path, []byte("agents:\n  - {name: bot, disabled: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := config.Switch(path, bot, false, env())
	var byHand *config.ByHandError
	if changed || !errors.As(err, &byHand) || !strings.Contains(err.Error(), "disabled: false, below the name of agent bot") {
		t.Errorf("changed %t, %v", changed, err)
	}
}
