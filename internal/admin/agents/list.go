// Package agents lists the registered agents with what they prove themselves with, and makes keys for them.
package agents

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"deputy/audit/index"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/admin/halt"
	"deputy/internal/config"
)

// MostCalls of an agent are looked at to find when a credential was last used.
const MostCalls = 10_000

// Agent is one agent. Its JSON is for scripts: names in it stay.
type Agent struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Owner       string          `json:"owner,omitempty"`
	Disabled    bool            `json:"disabled"`          // by the configuration
	Stopped     *stops.Stop     `json:"stopped,omitempty"` // by the list of stops
	Modes       []identity.Mode `json:"modes"`
	ActsFor     []string        `json:"acts_for,omitempty"`
	Issuers     []string        `json:"issuers,omitempty"`
	Credentials []Credential    `json:"credentials"`
}

// Credential is one key, or all the client ids.
type Credential struct {
	Name      string     `json:"credential"` // as records call it
	ClientIDs []string   `json:"client_ids,omitempty"`
	Label     string     `json:"label,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Expired   bool       `json:"expired,omitempty"`
	LastUsed  *time.Time `json:"last_used,omitempty"`
}

// List is the agents of a configuration, held against the lists of stops. Its notes say, in sentences, which of the
// lists cannot be read.
func List(ctx context.Context, cfg *config.Config, now time.Time) (agents []Agent, notes []string) {
	stopped, notes := halt.Of(ctx, cfg)
	agents = []Agent{}
	for i, agent := range cfg.Registry().Agents() {
		listed := listAgent(cfg.Agents[i], agent, now)
		for j := range stopped {
			if listed.Stopped == nil && stopped[j].Covers(identity.Principal{Agent: agent}) {
				listed.Stopped = &stopped[j]
			}
		}
		agents = append(agents, listed)
	}
	return agents, notes
}

func listAgent(a identity.AgentConfig, agent identity.Agent, now time.Time) Agent {
	out := Agent{
		Name:        a.Name,
		Description: a.Description,
		Owner:       a.Owner,
		Disabled:    a.Disabled,
		Modes:       agent.Modes,
		ActsFor:     a.ActsFor,
		Issuers:     a.Issuers,
	}
	if len(a.ClientIDs) > 0 {
		out.Credentials = append(out.Credentials, Credential{Name: identity.AccessToken, ClientIDs: a.ClientIDs})
	}
	for _, k := range a.Keys {
		credential := Credential{Name: identity.KeyName(k.SHA256), Label: k.Label, Expired: k.Expires.Passed(now)}
		if !k.Expires.IsZero() {
			credential.Expires = &k.Expires.Time
		}
		out.Credentials = append(out.Credentials, credential)
	}
	for _, hash := range a.KeySHA256 {
		out.Credentials = append(out.Credentials, Credential{Name: identity.KeyName(hash)})
	}
	return out
}

// FindUses says of each credential when it was last used, and names the agents of which only the last MostCalls were
// looked at. open opens the index of the audit log; without a log, no credential was used.
func FindUses(agents []Agent, open func() (*index.Index, error)) (partly []string, err error) {
	x, err := open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer x.Close()
	for _, a := range agents {
		whole, err := a.findUses(x)
		if err != nil {
			return partly, err
		}
		if !whole {
			partly = append(partly, a.Name)
		}
	}
	return partly, nil
}

func (a Agent) findUses(x *index.Index) (whole bool, err error) {
	var wanted []string
	for _, credential := range a.Credentials {
		wanted = append(wanted, credential.Name)
	}
	uses, whole, err := x.LastUses(a.Name, wanted, MostCalls)
	if err != nil {
		return false, err
	}
	for i := range a.Credentials {
		if used, there := uses[a.Credentials[i].Name]; there {
			a.Credentials[i].LastUsed = &used
		}
	}
	return whole, nil
}
