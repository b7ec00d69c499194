package identity_test

import (
	"bytes"
	"errors"

	"deputy/identity"
)

// Keys of the agents, made once from fixed bytes: they only have to differ.
var (
	helperKey, helperHash = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	_, reporterHash       = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{2}, 32)))
	strangerKey, _        = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{3}, 32)))
)

// agents are one of each kind.
func agents() []identity.AgentConfig {
	both := []identity.Mode{identity.OnBehalfOf, identity.Autonomous}
	return []identity.AgentConfig{
		{Name: "marketing", ClientIDs: []string{"marketing-client"}, Groups: []string{"Agents"}},
		{Name: "scanner", ClientIDs: []string{"scanner-client"}, Modes: []identity.Mode{identity.Autonomous}},
		{
			Name:      "reporter",
			ClientIDs: []string{"reporter-client", "reporter-batch"},
			KeySHA256: []string{reporterHash},
			Modes:     both,
		},
		{Name: "helper", KeySHA256: []string{helperHash}, Groups: []string{"Agents"}},
	}
}

func code(err error) identity.Code {
	var refused *identity.AuthError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
