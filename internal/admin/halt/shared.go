package halt

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"deputy/entitlements/requests/store"
	"deputy/identity/stops"
	"deputy/identity/stops/fleet"
	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/config"
)

// askState is how long a command waits for the state.
const askState = 5 * time.Second

// Change is what became of a change of the list that servers share.
type Change struct {
	Done    bool   `json:"done"`
	Changed bool   `json:"changed"` // False: the list said so already, or could not be changed.
	Hash    string `json:"hash,omitempty"`
}

// sharedList is the list that servers share; nil: they share none, or it is out of reach.
type sharedList struct {
	state *store.State
	last  string
}

// share changes the list that servers share, and says what keeps it from that. What takes away always works: the list
// beside the configuration is written by then.
func (r *StopResult) share(ctx context.Context, cfg *config.Config, c StopChange) *sharedList {
	const unknown = "whether servers share a list of stops in their state, and where, is not known here"
	switch {
	case cfg == nil:
		r.note(unknown + ", so only the list beside the configuration was changed")
		return nil
	case cfg.StateHidden():
		r.note(
			unknown + ": requests.state.dsn cannot be read; set the variables that it names and run the command again",
		)
		return nil
	case cfg.Requests.State.DSN == "":
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askState)
	defer cancel()
	r.Shared = &Change{}
	state, err := store.Open(ctx, assembly.StateConfig(cfg))
	if err == nil {
		if c.Lift {
			r.Shared.Changed, r.Shared.Hash, err = state.Lift(ctx, c.Stop, admin.Operator())
		} else {
			r.Shared.Changed, r.Shared.Hash, err = state.Stop(ctx, c.Stop)
		}
	}
	if err != nil {
		if state != nil {
			state.Close()
		}
		what := "is not stopped for servers that do not read this file"
		if c.Lift {
			what = "may stay stopped everywhere"
		}
		r.note(
			"the list of stops that the servers share was not changed: %v; %s %s: run the command again",
			err,
			c.Stop,
			what,
		)
		return nil
	}
	r.Shared.Done = true
	return &sharedList{state, r.Shared.Hash}
}

// now is the hash of the list, as it was last known when the state does not answer.
func (s *sharedList) now(ctx context.Context) string {
	if s == nil {
		return ""
	}
	limited, cancel := context.WithTimeout(ctx, askState)
	defer cancel()
	if v, err := s.state.Stops(limited, nil); err == nil {
		ids := make([]string, len(v.Active))
		for i, e := range v.Active {
			ids[i] = e.ID
		}
		s.last = stops.HashOf(ids)
	}
	return s.last
}

func (s *sharedList) close() {
	if s != nil {
		s.state.Close()
	}
}

// SharedStops are those of the list that servers share.
type SharedStops struct {
	Stops []stops.Stop `json:"stops"`
	// Trouble says why the state does not say who is stopped; empty: it does.
	Trouble string `json:"trouble,omitempty"`
	// Copied is when the copy was read from the state that stands in its place; nil: the state was read.
	Copied *time.Time `json:"copied,omitempty"`
}

// ReadShared reads the list that servers share from the state, or else this machine's copy of it; nil: they share none.
// An error says that neither can be read.
func ReadShared(ctx context.Context, cfg *config.Config) (*SharedStops, error) {
	if cfg == nil || cfg.StateHidden() {
		return nil, errors.New("whether servers share a list of stops in their state is not known here: " +
			"requests.state.dsn cannot be read")
	}
	if cfg.Requests.State.DSN == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askState)
	defer cancel()
	state, err := store.Open(ctx, assembly.StateConfig(cfg))
	if err == nil {
		defer state.Close()
		var v fleet.View
		if v, err = state.Stops(ctx, nil); err == nil {
			return &SharedStops{Stops: only(v.Active)}, nil
		}
	}
	entries, read, missing := fleet.ReadCopy(assembly.StopsCopy(cfg))
	if errors.Is(missing, fs.ErrNotExist) {
		missing = errors.New("there is no copy of it here")
	}
	if missing != nil {
		return nil, errors.Join(err, missing)
	}
	return &SharedStops{Stops: only(entries), Trouble: err.Error(), Copied: &read}, nil
}

func only(entries []fleet.Entry) []stops.Stop {
	out := make([]stops.Stop, len(entries))
	for i, e := range entries {
		out[i] = e.Stop
	}
	return out
}
