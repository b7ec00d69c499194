package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Registry knows the agents of the configuration, and nobody else. It does not change; what it returns must not be changed.
type Registry struct {
	agents  []Agent // in the order of the configuration
	clients map[string]*registration
	keys    []registeredKey
}

// registration is an agent and the client ids that are its own.
type registration struct {
	agent   Agent
	clients []string
}

type registeredKey struct {
	hash  [sha256.Size]byte
	owner *registration
}

var agentName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// NewRegistry checks the configured agents: each must have a name and a credential of its own, shared with no other.
func NewRegistry(agents []AgentConfig) (*Registry, error) {
	r := &Registry{clients: map[string]*registration{}}
	names := map[string]bool{}
	for _, config := range agents {
		if !agentName.MatchString(config.Name) {
			return nil, fmt.Errorf("agent %q: a name is made of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit", config.Name)
		}
		if names[config.Name] {
			return nil, fmt.Errorf("agent %s: registered twice", config.Name)
		}
		names[config.Name] = true
		if err := r.add(config); err != nil {
			return nil, fmt.Errorf("agent %s: %w", config.Name, err)
		}
	}
	return r, nil
}

func (r *Registry) add(config AgentConfig) error {
	if len(config.ClientIDs) == 0 && len(config.KeySHA256) == 0 {
		return fmt.Errorf("has neither client_ids nor key_sha256: nobody could prove to be this agent")
	}
	identity, err := identityOf(KindAgent, config.Name, config.Groups, config.Attributes)
	if err != nil {
		return err
	}
	entry := &registration{agent: Agent{Identity: identity}}
	if entry.agent.Modes, err = modes(config.Modes); err != nil {
		return err
	}
	r.agents = append(r.agents, entry.agent)
	for _, id := range config.ClientIDs {
		if id == "" || strings.ContainsFunc(id, unicode.IsSpace) {
			return fmt.Errorf("client id %q is empty or has a space in it", id)
		}
		if other, taken := r.clients[id]; taken {
			return fmt.Errorf("client id %q is registered already, for agent %s", id, other.agent.ID)
		}
		r.clients[id] = entry
		entry.clients = append(entry.clients, id)
	}
	for _, text := range config.KeySHA256 {
		hash, err := parseKeyHash(text)
		if err != nil {
			return err
		}
		if other := r.keyOwner(hash); other != nil {
			return fmt.Errorf("the key is registered already, for agent %s", other.agent.ID)
		}
		r.keys = append(r.keys, registeredKey{hash, entry})
	}
	return nil
}

func modes(configured []Mode) ([]Mode, error) {
	if len(configured) == 0 {
		return []Mode{OnBehalfOf}, nil
	}
	for _, m := range configured {
		if m != OnBehalfOf && m != Autonomous {
			return nil, fmt.Errorf("unknown mode %q: want %s or %s", m, OnBehalfOf, Autonomous)
		}
	}
	return append([]Mode(nil), configured...), nil
}

// Agents are all that are registered, in the order of the configuration.
func (r *Registry) Agents() []Agent { return slices.Clone(r.agents) }

// ByClientID finds the agent that a client id belongs to, whichever of the configured issuers names it: each of them is trusted
// to say which client it issued a token to.
func (r *Registry) ByClientID(id string) (Agent, bool) {
	if entry, ok := r.clients[id]; ok {
		return entry.agent, true
	}
	return Agent{}, false
}

// ByKey finds the agent that an API key belongs to. The time it takes says nothing about the keys.
func (r *Registry) ByKey(key string) (Agent, bool) {
	if entry := r.byKey(key); entry != nil {
		return entry.agent, true
	}
	return Agent{}, false
}

func (r *Registry) byKey(key string) *registration {
	if !isKey(key) || len(key) > maxID {
		return nil
	}
	return r.keyOwner(sha256.Sum256([]byte(key)))
}

func (r *Registry) keyOwner(hash [sha256.Size]byte) (owner *registration) {
	for _, k := range r.keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			owner = k.owner
		}
	}
	return owner
}
