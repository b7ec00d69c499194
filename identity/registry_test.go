package identity_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"deputy/identity"
)

func TestAgentsThatCannotBeRegistered(t *testing.T) {
	const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	ids := func(ids ...string) []string { return ids }
	rows := []struct {
		name   string
		agents []identity.AgentConfig
		says   string
	}{
		{"no name", []identity.AgentConfig{{ClientIDs: ids("c")}}, "agents[0].name: missing"},
		{
			"a capital in the name",
			[]identity.AgentConfig{{Name: "Bot", ClientIDs: ids("c")}},
			"is not a name: it is made of a-z",
		},
		{
			"a line break after the name",
			[]identity.AgentConfig{{Name: "bot\n", ClientIDs: ids("c")}},
			"is not a name: it is made of a-z",
		},
		{
			"a name that begins with a dot",
			[]identity.AgentConfig{{Name: ".bot", ClientIDs: ids("c")}},
			"is not a name: it is made of a-z",
		},
		{
			"a name twice",
			[]identity.AgentConfig{{Name: "bot", ClientIDs: ids("c")}, {Name: "bot", ClientIDs: ids("d")}},
			"agents[1].name: agents[0] has the name bot already",
		},
		{
			"no credential",
			[]identity.AgentConfig{{Name: "bot"}},
			"agents[0]: nobody could prove to be this agent: give it client_ids or keys",
		},
		{
			"a client id of two agents",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c")}, {Name: "b", ClientIDs: ids("c")}},
			`agents[1].client_ids[0]: "c" is a client id of agents[0] already`,
		},
		{
			"a client id twice",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c", "c")}},
			"agents[0].client_ids[1]: \"c\" is a client id of agents[0] already",
		},
		{
			"an empty client id",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("")}},
			"agents[0].client_ids[0]: \"\" is empty",
		},
		{
			"a client id with a space",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c ")}},
			"agents[0].client_ids[0]: \"c \" is empty or has a space in it",
		},
		{
			"a key of two agents",
			[]identity.AgentConfig{{Name: "a", KeySHA256: ids(hash)}, {Name: "b", KeySHA256: ids(strings.ToUpper(hash))}},
			"agents[1].key_sha256[0]: it is a key of agents[0] already",
		},
		{"a hash that is short", []identity.AgentConfig{{Name: "a", KeySHA256: ids(hash[2:])}}, "64 hex digits"},
		{"a hash that is not hex", []identity.AgentConfig{{Name: "a", KeySHA256: ids("z" + hash[1:])}}, "64 hex digits"},
		{"the key instead of its hash", []identity.AgentConfig{{Name: "a", KeySHA256: ids(helperKey)}}, "64 hex digits"},
		{
			"an unknown mode",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c"), Modes: []identity.Mode{"obo"}}},
			`agents[0].modes[0]: "obo" is not a mode (known: on_behalf_of, autonomous)`,
		},
		{
			"a mode misspelt",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c"), Modes: []identity.Mode{"autonomus"}}},
			`"autonomus" is not a mode; did you mean "autonomous"?`,
		},
		{
			"a group without name",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c"), Groups: ids("")}},
			"agents[0].groups[0]: there is no value",
		},
		{
			"a built-in group",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c"), Groups: ids("Agents", identity.AllUsers)}},
			"agents[0].groups[1]: the group all-users is built in",
		},
		{
			"an attribute without value",
			[]identity.AgentConfig{{Name: "a", ClientIDs: ids("c"), Attributes: map[string]identity.Values{"region": nil}}},
			`agents[0].attributes.region: the attribute has no value`,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := identity.NewRegistry(row.agents)
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("the start stops and says %q: got %v", row.says, err)
			}
			if err != nil && strings.Contains(err.Error(), helperKey) {
				t.Errorf("a key that was pasted by mistake is not repeated: %v", err)
			}
		})
	}
}

func TestTheRegistryFindsAgentsByClientIDAndByKey(t *testing.T) {
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	if agent, ok := registry.ByClientID("reporter-batch"); !ok || agent.ID != "reporter" ||
		agent.Kind != identity.KindAgent {
		t.Errorf("every client id of an agent leads to it: got %+v", agent)
	}
	if agent, ok := registry.ByKey(helperKey); !ok || agent.ID != "helper" || !agent.In("Agents") {
		t.Errorf("the key of an agent leads to it: got %+v", agent)
	}
	if agent, _ := registry.ByKey(helperKey); !agent.May(identity.OnBehalfOf) || agent.May(identity.Autonomous) {
		t.Errorf("an agent that names no modes acts on behalf of humans only: got %v", agent.Modes)
	}
	for _, unknown := range []string{"", "marketing", "MARKETING-CLIENT"} {
		if agent, ok := registry.ByClientID(unknown); ok {
			t.Errorf("nobody is found under %q: got %+v", unknown, agent)
		}
	}
	for _, unknown := range []string{"", "deputy_ak_", helperHash, strangerKey} {
		if agent, ok := registry.ByKey(unknown); ok {
			t.Errorf("nobody has the key %q: got %+v", unknown, agent)
		}
	}
}

func TestNewKey(t *testing.T) {
	key, hash := identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if !regexp.MustCompile(`^deputy_ak_[A-Za-z0-9_-]{43}$`).MatchString(key) {
		t.Errorf("a key is its prefix and 32 bytes in base64url: got %s", key)
	}
	if sum := sha256.Sum256([]byte(key)); hash != hex.EncodeToString(sum[:]) {
		t.Errorf("the hash is the SHA-256 of the whole key: got %s", hash)
	}
	defer func() {
		if recover() == nil {
			t.Error("no key is made without enough randomness")
		}
	}()
	identity.NewKey(strings.NewReader("short"))
}

func TestAgentsAreThoseOfTheConfigurationInItsOrder(t *testing.T) {
	r, err := identity.NewRegistry([]identity.AgentConfig{
		{
			Name:      "zoe",
			ClientIDs: []string{"z"},
			Groups:    []string{"Agents"},
		}, {Name: "abe", ClientIDs: []string{"a"}, Modes: []identity.Mode{identity.Autonomous}},
	})
	if err != nil {
		t.Fatal(err)
	}
	agents := r.Agents()
	if len(agents) != 2 || agents[0].ID != "zoe" || !agents[0].In("Agents") || !agents[0].May(identity.OnBehalfOf) ||
		agents[1].ID != "abe" ||
		agents[1].May(identity.OnBehalfOf) {
		t.Errorf("they are %+v", agents)
	}
	agents[0].ID = "mallory"
	if r.Agents()[0].ID != "zoe" {
		t.Error("who asks for the agents can rename them")
	}
}
