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

// Registry knows the agents of the configuration, and nobody else. It does not change; what it returns must not be
// changed.
type Registry struct {
	entries []*registration // in the order of the configuration
	clients map[string]*registration
	keys    []registeredKey
}

// registration is an agent and the client ids that are its own.
type registration struct {
	key     string // where it stands in the configuration
	agent   Agent
	clients []string
	issuers []string // names or URLs of those whose tokens it may bring; nil: all
	actsFor whom
}

type registeredKey struct {
	hash    [sha256.Size]byte
	expires Expiry
	owner   *registration
}

var agentName = regexp.MustCompile(`^` + AgentName + `$`)

// NewRegistry checks the configured agents: each must have a name and a credential of its own, shared with no other.
// Its error is a *ConfigError.
func NewRegistry(agents []AgentConfig) (*Registry, error) {
	r := &Registry{clients: map[string]*registration{}}
	var wrong Problems
	names := map[string]string{}
	for i, config := range agents {
		key := mistake.At("agents", i)
		first, twice := names[config.Name]
		switch {
		case config.Name == "":
			wrong.Add(key+".name", "missing: what policies and records call the agent")
		case !agentName.MatchString(config.Name):
			wrong.Add(
				key+".name",
				"%q is not a name: it is made of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit",
				config.Name,
			)
		case twice:
			wrong.Add(key+".name", "%s has the name %s already: each agent needs its own", first, config.Name)
		default:
			names[config.Name] = key
		}
		r.add(config, key, &wrong)
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Registry) add(config AgentConfig, key string, wrong *Problems) {
	if len(config.ClientIDs) == 0 && len(config.KeySHA256) == 0 && len(config.Keys) == 0 {
		wrong.Add(key, "nobody could prove to be this agent: give it client_ids or keys")
	}
	identity := identityOf(KindAgent, config.Name, config.Groups, config.Attributes, key, wrong)
	entry := &registration{key: key, issuers: slices.Clone(config.Issuers), agent: Agent{
		Identity: identity, Modes: modes(config.Modes, key+".modes", wrong), Owner: config.Owner, Disabled: config.Disabled, MayRequest: config.MayRequest,
		Limits: Limits{
			Concurrent: config.Limits.Calls, PerMinute: config.Limits.PerMinute,
			Rows: config.Limits.MaxRows, Answer: config.Limits.Answer,
		},
		NamedOnly: config.Statements == NamedStatements,
	}}
	r.entries = append(r.entries, entry)
	if rule := config.Statements; rule != "" && rule != AnyStatement && rule != NamedStatements {
		wrong.Add(key+".statements", "%q is not one of any, named", string(rule))
	}
	if config.Limits.Calls < 0 {
		wrong.Add(key+".limits.calls", "it cannot be negative")
	}
	if config.Limits.PerMinute < 0 {
		wrong.Add(key+".limits.per_minute", "it cannot be negative")
	}
	entry.actsFor = parseWhom(config.ActsFor, key+".acts_for", wrong)
	switch human := entry.agent.May(OnBehalfOf); {
	case config.ActsFor != nil && len(config.ActsFor) == 0:
		wrong.Add(key+".acts_for", "nobody is in it: write whom it acts for, or modes: [autonomous] if it is nobody")
	case config.ActsFor != nil && !human:
		wrong.Add(key+".acts_for", "the agent acts for nobody: its modes do not include on_behalf_of")
	}
	if config.MayRequest && !entry.agent.May(Autonomous) {
		wrong.Add(
			key+".may_request",
			"the agent never acts on its own: its modes do not include autonomous, and for a human it may ask as they may",
		)
	}
	if config.Issuers != nil && len(config.Issuers) == 0 {
		wrong.Add(key+".issuers", "none is in it: write whose tokens it may bring, or leave the key out for all")
	}
	for i, id := range config.ClientIDs {
		other, taken := r.clients[id]
		switch key := mistake.At(key+".client_ids", i); {
		case id == "" || strings.ContainsFunc(id, unicode.IsSpace):
			wrong.Add(key, "%q is empty or has a space in it: write the client id as it is in the issuer's tokens", id)
		case taken:
			wrong.Add(key, "%q is a client id of %s already: each belongs to one agent", id, other.key)
		default:
			r.clients[id] = entry
			entry.clients = append(entry.clients, id)
		}
	}
	for i, k := range config.Keys {
		key := mistake.At(key+".keys", i)
		r.addKey(entry, k.SHA256, k.Expires, key+".sha256", wrong)
		if strings.ContainsFunc(k.Label, func(r rune) bool { return !unicode.IsPrint(r) }) {
			wrong.Add(key+".label", "it has characters in it that cannot be printed")
		}
	}
	for i, text := range config.KeySHA256 {
		r.addKey(entry, text, Expiry{}, mistake.At(key+".key_sha256", i), wrong)
	}
}

func (r *Registry) addKey(entry *registration, text string, expires Expiry, key string, wrong *Problems) {
	hash, err := parseKeyHash(text)
	if err != nil {
		wrong.Add(key, "%v", err)
		return
	}
	if other := r.keyOf(hash); other != nil {
		wrong.Add(key, "it is a key of %s already: each belongs to one agent", other.owner.key)
		return
	}
	r.keys = append(r.keys, registeredKey{hash, expires, entry})
}

func modes(configured []Mode, key string, wrong *Problems) []Mode {
	if len(configured) == 0 {
		return []Mode{OnBehalfOf}
	}
	known := []string{string(OnBehalfOf), string(Autonomous)}
	for i, m := range configured {
		if m != OnBehalfOf && m != Autonomous {
			wrong.Add(
				mistake.At(key, i),
				"%q is not a mode%s (known: %s)",
				m,
				mistake.Hint(string(m), known),
				strings.Join(known, ", "),
			)
		}
	}
	return slices.Clone(configured)
}

// Agents are all that are registered, disabled ones too, in the order of the configuration.
func (r *Registry) Agents() []Agent {
	var all []Agent
	for _, entry := range r.entries {
		all = append(all, entry.agent)
	}
	return all
}

// ByClientID finds the agent that a client id belongs to. Whether the issuer that names it may do so, and the agent may
// call at all, is another question.
func (r *Registry) ByClientID(id string) (Agent, bool) {
	if entry, ok := r.clients[id]; ok {
		return entry.agent, true
	}
	return Agent{}, false
}

// ByKey finds the agent that an API key belongs to, expired ones too. The time it takes says nothing about the keys.
func (r *Registry) ByKey(key string) (Agent, bool) {
	if k := r.byKey(key); k != nil {
		return k.owner.agent, true
	}
	return Agent{}, false
}

func (r *Registry) byKey(key string) *registeredKey {
	if !isKey(key) || len(key) > MaxID {
		return nil
	}
	return r.keyOf(sha256.Sum256([]byte(key)))
}

func (r *Registry) keyOf(hash [sha256.Size]byte) (found *registeredKey) {
	for i := range r.keys {
		if subtle.ConstantTimeCompare(hash[:], r.keys[i].hash[:]) == 1 {
			found = &r.keys[i]
		}
	}
	return found
}

// Fits checks what agents and issuers say of each other. Its error is a *ConfigError.
func (r *Registry) Fits(c Config) error {
	var wrong Problems
	var known []string
	for _, iss := range c.Issuers {
		known = append(known, iss.URL)
		if iss.Name != "" {
			known = append(known, iss.Name)
		}
	}
	for _, entry := range r.entries {
		for i, name := range entry.issuers {
			if !slices.Contains(known, name) {
				wrong.Add(
					mistake.At(entry.key+".issuers", i),
					"%q is no issuer's name or URL%s",
					name,
					mistake.Hint(name, known),
				)
			}
		}
	}
	for n, iss := range c.Issuers {
		if entry := r.clients[iss.Login.ClientID]; entry != nil {
			wrong.Add(
				mistake.At("identity.issuers", n)+".login.client_id",
				"%q is a client id of %s: people sign in through a client of their own",
				iss.Login.ClientID,
				entry.key,
			)
		}
		for i, client := range iss.StewardClients {
			if entry := r.clients[client]; entry != nil {
				wrong.Add(
					mistake.At(mistake.At("identity.issuers", n)+".steward_clients", i),
					"%q is a client id of %s: people act through clients of their own",
					client,
					entry.key,
				)
			}
		}
	}
	return wrong.Err()
}

// brings reports whether the agent may bring tokens of the issuer.
func (e *registration) brings(name, url string) bool {
	return e.issuers == nil ||
		slices.ContainsFunc(e.issuers, func(one string) bool { return one == url || name != "" && one == name })
}
