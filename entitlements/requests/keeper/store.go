package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// use asks the state for something. Its own errors are requests.ErrOut; those of the one who asks stay as they are.
func use[T any](ctx context.Context, k *Keeper, do func(*store.State) (T, error)) (out T, err error) {
	s := k.State()
	if s == nil {
		return out, fmt.Errorf("%w: %w", requests.ErrOut, k.Down())
	}
	if out, err = do(s); err == nil || errors.Is(err, requests.ErrNoRequest) {
		return out, err
	}
	if ctx.Err() == nil && (store.Passing(err) || errors.Is(err, store.ErrAhead) || errors.Is(err, store.ErrBehind)) {
		k.say(err)
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
	var none T
	return none, fmt.Errorf("%w: %w", requests.ErrOut, err)
}

// Approvals implements requests.Store. It does not wait for a state that is known to be out.
func (k *Keeper) Approvals(
	ctx context.Context,
	asker requests.Asker,
	platform string,
	now time.Time,
) ([]entitlements.Approval, error) {
	if err := k.Down(); err != nil {
		return nil, fmt.Errorf("%w: %w", requests.ErrOut, err)
	}
	return use(ctx, k, func(s *store.State) ([]entitlements.Approval, error) {
		limited, cancel := context.WithTimeout(ctx, askedLimit)
		defer cancel()
		return s.Approvals(limited, asker, platform, now)
	})
}

// Make implements requests.Store.
func (k *Keeper) Make(
	ctx context.Context,
	r requests.Request,
	againAfter time.Time,
) (kept requests.Request, made bool, err error) {
	kept, err = use(ctx, k, func(s *store.State) (kept requests.Request, err error) {
		kept, made, err = s.Make(ctx, r, againAfter)
		return kept, err
	})
	return kept, made, err
}

// Find implements requests.Store.
func (k *Keeper) Find(ctx context.Context, id string) (requests.Request, error) {
	return use(ctx, k, func(s *store.State) (requests.Request, error) { return s.Find(ctx, id) })
}

// List implements requests.Store.
func (k *Keeper) List(ctx context.Context, f requests.Filter) ([]requests.Request, error) {
	return use(ctx, k, func(s *store.State) ([]requests.Request, error) { return s.List(ctx, f) })
}

// Step implements requests.Store.
func (k *Keeper) Step(
	ctx context.Context,
	id string,
	step func(requests.Request) (requests.Request, error),
) (requests.Request, error) {
	var refused error
	out, err := use(ctx, k, func(s *store.State) (requests.Request, error) {
		out, err := s.Step(ctx, id, func(r requests.Request) (next requests.Request, err error) {
			next, refused = step(r)
			return next, refused
		})
		return out, unless(refused, err)
	})
	if refused != nil {
		return requests.Request{}, refused
	}
	return out, err
}

// Confirm implements requests.Store.
func (k *Keeper) Confirm(
	ctx context.Context,
	id string,
	may func(requests.Request) error,
) (requests.Request, error) {
	var refused error
	out, err := use(ctx, k, func(s *store.State) (requests.Request, error) {
		out, err := s.Confirm(ctx, id, func(r requests.Request) error {
			refused = may(r)
			return refused
		})
		return out, unless(refused, err)
	})
	if refused != nil {
		return requests.Request{}, refused
	}
	return out, err
}

// unless is the state's own error: none when the one who asks has refused the step.
func unless(refused, err error) error {
	if refused != nil {
		return nil
	}
	return err
}

// Reached implements requests.Store.
func (k *Keeper) Reached() requests.Position {
	if s := k.State(); s != nil {
		return s.Reached()
	}
	return requests.Position{}
}
