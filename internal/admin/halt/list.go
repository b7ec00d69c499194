package halt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"deputy/identity/stops"
	"deputy/internal/config"
)

// Listed are the stops of both lists. Its JSON is for scripts: names in it stay.
type Listed struct {
	Hash   string       `json:"hash"` // Of the list beside the configuration.
	Stops  []stops.Stop `json:"stops"`
	Shared *SharedStops `json:"shared,omitempty"`
	Notes  []string     `json:"notes,omitempty"` // What keeps this from being all of it.
}

// ListStops reads both lists. A list beside the configuration that cannot be read is an error.
func ListStops(ctx context.Context, file string, getenv func(string) (string, bool)) (*Listed, error) {
	all, hash, err := stops.Read(config.StopsFile(file))
	if err != nil {
		return nil, fmt.Errorf("%w: until it can, every call is refused; "+
			"restore the file, or move it away and stop again those that it named", err)
	}
	out := &Listed{Hash: hash, Stops: append([]stops.Stop{}, all...)}
	cfg, err := config.Peek(file, getenv)
	if cfg == nil {
		out.Notes = append(out.Notes, fmt.Sprintf("whether servers share a list of stops is not known: %v", err))
		return out, nil
	}
	if out.Shared, err = ReadShared(ctx, cfg); err != nil {
		out.Notes = append(out.Notes, fmt.Sprintf("the list of stops that the servers share is not shown: %v", err))
	}
	out.Notes = append(out.Notes, out.Shared.note()...)
	return out, nil
}

// note says that this is the copy.
func (s *SharedStops) note() []string {
	if s == nil || s.Copied == nil {
		return nil
	}
	return []string{fmt.Sprintf("the list of stops that the servers share cannot be read (%s): what is shown of it is "+
		"this machine's copy of %s", s.Trouble, s.Copied.UTC().Format(time.RFC3339))}
}

// Placed is a stop, and the list that it is on.
type Placed struct {
	stops.Stop
	List string // "file", "shared" or "both"
}

// All are the stops of both lists, each party that is on both once.
func (l *Listed) All() (all []Placed) {
	for _, s := range l.Stops {
		all = append(all, Placed{s, "file"})
	}
	if l.Shared == nil {
		return all
	}
	for _, s := range l.Shared.Stops {
		same := func(p Placed) bool { return p.Agent == s.Agent && p.User == s.User && p.Issuer == s.Issuer }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].List = "both"
		} else {
			all = append(all, Placed{s, "shared"})
		}
	}
	return all
}

// Of are the stops of both lists for a configuration that was read, and what keeps them from being all, in sentences.
func Of(ctx context.Context, cfg *config.Config) (all []stops.Stop, notes []string) {
	all, _, err := stops.Read(cfg.StopsFile())
	if err != nil {
		notes = append(notes, fmt.Sprintf("%v: every call is refused until it can", err))
	}
	shared, err := ReadShared(ctx, cfg)
	if err != nil {
		notes = append(notes, fmt.Sprintf("the list of stops that the servers share cannot be read: %v", err))
	}
	if shared != nil {
		all, notes = append(all, shared.Stops...), append(notes, shared.note()...)
	}
	return all, notes
}
