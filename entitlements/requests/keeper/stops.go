package keeper

import (
	"context"

	"deputy/entitlements/requests/store"
	"deputy/identity/stops/fleet"
)

var _ fleet.Source = (*Keeper)(nil)

// Fleet is the list of stops that the servers share; nil: the state is this server's own, and holds none.
func (k *Keeper) Fleet() *fleet.Fleet { return k.stops }

// Stops implements fleet.Source. What is wrong with the rest of the state does not matter: a stop only takes away.
func (k *Keeper) Stops(ctx context.Context, known []string) (v fleet.View, err error) {
	err = k.withState(func(s *store.State) error {
		v, err = s.Stops(ctx, known)
		return err
	})
	return v, err
}

// PutStops implements fleet.Source.
func (k *Keeper) PutStops(ctx context.Context, entries []fleet.Entry) error {
	return k.withState(func(s *store.State) error { return s.PutStops(ctx, entries) })
}

func (k *Keeper) withState(do func(*store.State) error) error {
	s := k.State()
	if s == nil {
		return k.Down()
	}
	return do(s)
}
