package halt

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/mistake"
)

// StopChange is one party that an administrator stops, or lets in again.
type StopChange struct {
	ConfigFile string
	Stop       stops.Stop    // Agent or User, perhaps Issuer; Why it is stopped
	Lift       bool          // take the party off the list instead
	Wait       time.Duration // how long the servers may take to have the list
}

// StopResult is what came of it.
type StopResult struct {
	List    string `json:"list"`
	Party   string `json:"party"`
	Changed bool   `json:"changed"` // false: the list said so already
	Hash    string `json:"hash"`
	// Shared is what became of the list that servers share in a state on PostgreSQL; nil: they share none.
	Shared  *Change  `json:"shared,omitempty"`
	Servers []Server `json:"servers"`
	// Notes say, in sentences, what else keeps the change from being what the administrator means; with one the command
	// has failed.
	Notes []string `json:"notes"`
}

// Done reports whether the change is in force at every server, and means what it seems to.
func (r *StopResult) Done() bool {
	return len(r.Notes) == 0 && !slices.ContainsFunc(r.Servers, func(s Server) bool { return !s.InForce() })
}

// ChangeStops writes the list of stops beside the configuration, then the one that servers share, and then asks the
// servers for them. The configuration is only looked at: whatever it and the state are like, the list beside it is
// written. An error says that the list is not.
func ChangeStops(ctx context.Context, c StopChange, getenv func(string) (string, bool)) (*StopResult, error) {
	out := &StopResult{List: config.StopsFile(c.ConfigFile), Party: c.Stop.String(), Servers: []Server{},
		Notes: []string{}}
	var err error
	if c.Lift {
		out.Changed, err = stops.Remove(ctx, out.List, c.ConfigFile, c.Stop)
	} else {
		c.Stop.By, c.Stop.At = admin.Operator(), time.Now().UTC().Truncate(time.Second)
		out.Changed, err = stops.Add(ctx, out.List, c.ConfigFile, c.Stop)
	}
	if err != nil {
		return nil, err
	}
	cfg, err := config.Peek(c.ConfigFile, getenv)
	shared := out.share(ctx, cfg, c)
	if err != nil {
		out.note("which servers there are is not known, so none was asked: %v", err)
	} else {
		if c.Lift {
			out.stillDisabled(cfg, c.Stop)
		} else {
			out.mistyped(cfg, c.Stop)
		}
		addresses := Addresses(cfg.Server)
		if len(addresses) == 0 {
			out.note("server.listen is not one address, so no server was asked: write server.replicas")
		}
		if out.Servers, err = Ask(ctx, cfg.Server, addresses, c.wanted(ctx, out.List, shared), c.Wait); err != nil {
			out.note("the servers were not asked to the end: %v", err)
		}
		out.elsewhere(c.ConfigFile)
	}
	shared.close()
	if _, out.Hash, err = stops.Read(out.List); err != nil {
		out.note("%v", err)
	}
	return out, nil
}

// wanted returns the hashes of the lists as they are now, as long as the change is still in them.
func (c StopChange) wanted(ctx context.Context, list string, shared *sharedList) func() (Lists, error) {
	return func() (Lists, error) {
		all, hash, err := stops.Read(list)
		if err != nil {
			return Lists{}, err
		}
		if there := slices.ContainsFunc(all, c.Stop.Names); there == c.Lift {
			return Lists{}, fmt.Errorf("another command has just changed the list again: see deputy stops")
		}
		return Lists{File: hash, Shared: shared.now(ctx), Both: c.Lift}, nil
	}
}

func (r *StopResult) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// elsewhere says that silence may not be taken for a stop: what is served over standard input may have been started
// with another path of the same configuration, and reads the list beside that one. What lies below the folder of a
// link, as Kubernetes mounts files, no server is started with.
func (r *StopResult) elsewhere(file string) {
	silent := func(s Server) bool { return s.Standing == NotRunning }
	behind, err := filepath.EvalSymlinks(file)
	folder, missing := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil || missing != nil || !slices.ContainsFunc(r.Servers, silent) {
		return
	}
	if below, err := filepath.Rel(folder, behind); err != nil || !filepath.IsLocal(below) {
		r.note(
			"%s is a link to %s: servers that were started with that path read the list beside it, so run this with "+
				"--config %[2]s, too",
			file,
			behind,
		)
	}
}

// mistyped says that a stopped agent or issuer is not in the configuration. It is on the list all the same: servers may
// run on another one.
func (r *StopResult) mistyped(cfg *config.Config, s stops.Stop) {
	if unknown := Unknown(cfg, s); unknown != "" {
		r.note("%s; it is on the list all the same", unknown)
	}
}

// Unknown says that a stop names no agent or no issuer of the configuration, and which one may be meant; empty: it
// names one, or a user at any issuer. A configuration without agents or issuers says nothing, nor one whose issuers
// cannot be known here.
func Unknown(cfg *config.Config, s stops.Stop) string {
	if s.Issuer != "" {
		return unknownIssuer(cfg, s.Issuer)
	}
	var names []string
	for _, a := range cfg.Agents {
		if s.Covers(identity.Principal{Agent: identity.Agent{Identity: identity.Identity{ID: a.Name}}}) {
			return ""
		}
		names = append(names, a.Name)
	}
	if s.Agent == "" || len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("there is no agent %s in %s%s", s.Agent, cfg.Files()[0], mistake.Hint(s.Agent, names))
}

func unknownIssuer(cfg *config.Config, issuer string) string {
	var urls []string
	for _, i := range cfg.Identity.Issuers {
		if i.URL == "" || (identity.User{Issuer: i.URL}).Of(issuer) {
			return ""
		}
		urls = append(urls, i.URL)
	}
	if len(urls) == 0 {
		return ""
	}
	return fmt.Sprintf("there is no issuer %s in %s: write its URL as it stands there, or leave --issuer out", issuer,
		cfg.Files()[0])
}

// stillDisabled says where the configuration itself disables the party.
func (r *StopResult) stillDisabled(cfg *config.Config, s stops.Stop) {
	say := func(key string) {
		r.note(
			"%s stays disabled: %s:%d says disabled: true; change it there",
			s,
			cfg.Files()[0],
			cfg.Line(key+".disabled"),
		)
	}
	for i, a := range cfg.Agents {
		if a.Disabled && s.Agent != "" &&
			s.Covers(identity.Principal{Agent: identity.Agent{Identity: identity.Identity{ID: a.Name}}}) {
			say(mistake.At("agents", i))
		}
	}
	for i, u := range cfg.Identity.Users {
		if u.Disabled && s.User != "" &&
			(stops.Stop{User: s.User}).Covers(
				identity.Principal{User: &identity.User{Identity: identity.Identity{ID: u.ID}}},
			) {
			say(mistake.At("identity.users", i))
		}
	}
}
