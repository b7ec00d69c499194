// Package keeper keeps the state of access requests at hand for one server: it opens the state when it is there, looks
// whether it is the one that the server knows, and says at once when it cannot be used. An approval only ever adds, so
// a server goes on without its state: with what needs no approval.
package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity/stops/fleet"
)

const (
	lookEvery  = 5 * time.Second // while the state can be used
	lookAgain  = time.Second     // while it cannot
	lookLimit  = 5 * time.Second // for one look
	askedLimit = 2 * time.Second // for what a call asks the state for, which can go on without
)

// Config says which state is kept at hand.
type Config struct {
	State store.Config
	// Known is how far the audit log has seen the state come; nil: it is not known.
	Known func() requests.Position
	// Stops says how the list of stops is followed that the state holds for all servers which share it. Without a path
	// for its copy, or where the state is a file, none is.
	Stops fleet.Config
	// Opened is called with the state before any caller has it; nil: nothing has to be done then.
	Opened func(*store.State)
	// Unfinished are steps that take away, and of which the audit log does not know whether they were taken, by the ids
	// of their requests. They are taken before anything that was approved counts; nil: there are none.
	Unfinished map[string]requests.Ending
	// Ended puts on the record that such a step was taken; nil: nothing has to be done then.
	Ended func(context.Context, requests.Request, requests.Position) error
	Log   zerolog.Logger
}

// Keeper keeps one state at hand. It is safe for concurrent use.
type Keeper struct {
	config Config
	end    context.CancelFunc
	ended  chan struct{}
	wake   chan struct{} // has the state looked at now

	looking sync.Mutex // held by the one look

	stops *fleet.Fleet // nil: no list of stops is followed

	mu    sync.Mutex
	state *store.State // nil: it was not opened yet
	done  bool         // Config.Unfinished
	down  error        // why it cannot be used; nil: it can
}

var _ requests.Store = (*Keeper)(nil)

// errUnopened is what a state is that nothing has looked at yet.
var errUnopened = errors.New("the state was not opened yet")

// Open opens the state, and goes on looking after it until Close. A state that is out of reach, or was restored from a
// copy, is looked at again. One that an administrator has to do something about, because it cannot be opened at all, is
// an error.
func Open(ctx context.Context, c Config) (*Keeper, error) {
	k := &Keeper{config: c, ended: make(chan struct{}), wake: make(chan struct{}, 1), down: errUnopened}
	if err := k.look(ctx); err != nil && !store.Passing(err) {
		k.closeState()
		return nil, err
	}
	if c.Stops.Copy != "" && c.State.DSN != "" {
		c.Stops.Source = k
		k.stops = fleet.Follow(ctx, c.Stops)
	}
	watched, end := context.WithCancel(context.WithoutCancel(ctx))
	k.end = end
	go k.watch(watched)
	return k, nil
}

// Close ends the connections.
func (k *Keeper) Close() error {
	k.end()
	<-k.ended
	if k.stops != nil {
		k.stops.Close()
	}
	return k.closeState()
}

func (k *Keeper) closeState() error {
	if s := k.State(); s != nil {
		return s.Close()
	}
	return nil
}

// State is the state itself; nil: it could not be opened yet.
func (k *Keeper) State() *store.State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Down says why the state cannot be used now; nil: it can.
func (k *Keeper) Down() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.down
}

// Look looks at the state now, and says why it cannot be used; nil: it can.
func (k *Keeper) Look(ctx context.Context) error { return k.look(ctx) }

func (k *Keeper) watch(ctx context.Context) {
	defer close(k.ended)
	for {
		wait := lookEvery
		if k.Down() != nil {
			wait = lookAgain
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-k.wake:
			timer.Stop()
		}
		_ = k.look(ctx) // it is said by Down and in the log
	}
}

func (k *Keeper) look(ctx context.Context) error {
	k.looking.Lock()
	defer k.looking.Unlock()
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	err := k.reach(limited)
	if ctx.Err() == nil { // else it is the one who looks that has gone
		k.say(err)
	}
	return err
}

// reach opens the state if it is not open, and asks it.
func (k *Keeper) reach(ctx context.Context) error {
	if s := k.State(); s != nil {
		return k.finish(ctx, s)
	}
	s, err := store.Open(ctx, k.config.State)
	if err != nil {
		return err
	}
	if k.config.Known != nil {
		s.Know(k.config.Known())
	}
	if k.config.Opened != nil {
		k.config.Opened(s)
	}
	err = k.finish(ctx, s)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = s
	return err
}

// say remembers whether the state can be used. What has not changed is not said again.
func (k *Keeper) say(err error) {
	k.mu.Lock()
	before := k.down
	k.down = err
	k.mu.Unlock()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		k.config.Log.Error().
			Err(err).
			Msg("the state of access requests cannot be used: calls go on without what was approved")
	case err == nil && before != nil && !errors.Is(before, errUnopened):
		k.config.Log.Info().Msg("the state of access requests can be used again")
	}
}
