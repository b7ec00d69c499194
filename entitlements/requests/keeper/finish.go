package keeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// errOver says that a request was ended already, or was never open.
var errOver = errors.New("the request is over")

// finish looks whether the state is sound, and takes the steps that a server left unfinished when it ended: what takes
// away always works. Until they are taken the state cannot be used. A state that was restored is left as it is:
// accepting it takes the same steps.
func (k *Keeper) finish(ctx context.Context, s *store.State) error {
	if err := s.Sound(ctx); err != nil || k.done {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(k.config.Unfinished)) {
		if err := k.endAgain(ctx, s, id); err != nil {
			return fmt.Errorf("a step that takes away was not finished when Deputy ended, and cannot be now: %w", err)
		}
	}
	k.done = true
	return nil
}

// endAgain ends one request, if it is open.
func (k *Keeper) endAgain(ctx context.Context, s *store.State, id string) error {
	after, err := s.Step(ctx, id, func(r requests.Request) (requests.Request, error) {
		after, open := r.Again(k.config.Unfinished[id])
		if !open {
			return r, errOver
		}
		return after, nil
	})
	switch {
	case errors.Is(err, errOver), errors.Is(err, requests.ErrNoRequest):
		return nil
	case err != nil:
		return err
	}
	k.config.Log.Warn().Str("request", id).Str("status", string(after.Status)).
		Msg("a step that takes away was not finished when Deputy ended: it was taken now")
	if k.config.Ended == nil {
		return nil
	}
	return k.config.Ended(ctx, after, s.Reached())
}
