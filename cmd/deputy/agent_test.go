package main

import (
	"encoding/json"
	"strings"
	"testing"

	"deputy/internal/admin/agents"
	"deputy/internal/demo"
	"deputy/mcp/client"
)

// The one command of an administrator in a hurry, against servers that run.
func TestWhoIsSwitchedOffIsRefusedByTheVeryNextCall(t *testing.T) {
	for _, transport := range []string{"serve", "stdio"} {
		t.Run(transport, func(t *testing.T) {
			s := stage(t, "sqlite")
			c, _, _ := live(t, s, transport)
			for _, who := range [][2]string{{"agent", "marketing-agent"}, {"user", "taylor"}} {
				if got := firstName(t, c); got != "REDACTED" {
					t.Fatalf("at first Taylor sees %s", got)
				}
				for _, verb := range []string{"disable", "enable"} {
					output, err := process(t, s, nil, who[0], verb, who[1]).CombinedOutput()
					if want := who[0] + " " + who[1] + " is " + verb + "d now\n"; err != nil ||
						!strings.Contains(string(output), want) {
						t.Fatalf("%s %s %s: %v %s", who[0], verb, who[1], err, output)
					}
					if got := firstName(t, c); (got == "REDACTED") != (verb == "enable") {
						t.Errorf("after %s %s %s Taylor sees %s", who[0], verb, who[1], got)
					}
				}
			}
		})
	}
}

func TestTheListSaysWhenAKeyWasLastUsed(t *testing.T) {
	s := stage(t, "sqlite")
	list := func() map[string]bool {
		command := process(t, s, nil, "agent", "list", "--json")
		output, err := command.Output()
		var all []agents.Agent
		if err == nil {
			err = json.Unmarshal(output, &all)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		used := map[string]bool{}
		for _, a := range all {
			for _, credential := range a.Credentials {
				used[a.Name+" "+strings.Fields(credential.Name)[0]] = credential.LastUsed != nil
			}
		}
		return used
	}
	if used := list(); len(used) != 3 || used["marketing-agent key"] || used["marketing-agent access"] ||
		used["pii-scanner key"] {
		t.Errorf("before any call, used are %v", used)
	}
	c, err := client.HTTP(t.Context(), s.URL, s.AgentKey, s.Token(demo.Taylor))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := firstName(t, c); got != "REDACTED" {
		t.Fatalf("Taylor sees %s", got)
	}
	if used := list(); len(used) != 3 || !used["marketing-agent key"] || used["marketing-agent access"] ||
		used["pii-scanner key"] {
		t.Errorf("after a call by key, used are %v", used)
	}
}
