package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"deputy/internal/mistake"
)

// Registry knows the agents of the configuration, and nobody else. It does not change; what it returns must not be changed.
type Registry struct {
	agents  []Agent // in the order of the configuration
	clients map[string]*registration
	keys    []registeredKey
}

// registration is an agent and the client ids that are its own.
type registration struct {
	key     string // where it stands in the configuration
	agent   Agent
	clients []string
}

type registeredKey struct {
	hash  [sha256.Size]byte
	owner *registration
}

var agentName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// NewRegistry checks the configured agents: each must have a name and a credential of its own, shared with no other. Its error is a
// *ConfigError.
func NewRegistry(agents []AgentConfig) (*Registry, error) {
	r := &Registry{clients: map[string]*registration{}}
	var wrong problems
	names := map[string]string{}
	for i, config := range agents {
		key := mistake.At("agents", i)
		first, twice := names[config.Name]
		switch {
		case config.Name == "":
			wrong.add(key+".name", "missing: what policies and records call the agent")
		case !agentName.MatchString(config.Name):
			wrong.add(key+".name", "%q is not a name: it is made of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit", config.Name)
		case twice:
			wrong.add(key+".name", "%s has the name %s already: each agent needs its own", first, config.Name)
		default:
			names[config.Name] = key
		}
		r.add(config, key, &wrong)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Registry) add(config AgentConfig, key string, wrong *problems) {
	if len(config.ClientIDs) == 0 && len(config.KeySHA256) == 0 {
		wrong.add(key, "nobody could prove to be this agent: give it client_ids or key_sha256")
	}
	identity := identityOf(KindAgent, config.Name, config.Groups, config.Attributes, key, wrong)
	entry := &registration{key: key, agent: Agent{Identity: identity, Modes: modes(config.Modes, key+".modes", wrong)}}
	r.agents = append(r.agents, entry.agent)
	for i, id := range config.ClientIDs {
		other, taken := r.clients[id]
		switch key := mistake.At(key+".client_ids", i); {
		case id == "" || strings.ContainsFunc(id, unicode.IsSpace):
			wrong.add(key, "%q is empty or has a space in it: write the client id as it is in the issuer's tokens", id)
		case taken:
			wrong.add(key, "%q is a client id of %s already: each belongs to one agent", id, other.key)
		default:
			r.clients[id] = entry
			entry.clients = append(entry.clients, id)
		}
	}
	for i, text := range config.KeySHA256 {
		key := mistake.At(key+".key_sha256", i)
		hash, err := parseKeyHash(text)
		if err != nil {
			wrong.add(key, "%v", err)
			continue
		}
		if other := r.keyOwner(hash); other != nil {
			wrong.add(key, "it is a key of %s already: each belongs to one agent", other.key)
			continue
		}
		r.keys = append(r.keys, registeredKey{hash, entry})
	}
}

func modes(configured []Mode, key string, wrong *problems) []Mode {
	if len(configured) == 0 {
		return []Mode{OnBehalfOf}
	}
	known := []string{string(OnBehalfOf), string(Autonomous)}
	for i, m := range configured {
		if m != OnBehalfOf && m != Autonomous {
			wrong.add(mistake.At(key, i), "%q is not a mode%s (known: %s)", m, mistake.Hint(string(m), known), strings.Join(known, ", "))
		}
	}
	return slices.Clone(configured)
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
