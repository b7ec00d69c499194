package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	keysFresh    = 10 * time.Minute // then they are looked for again, so that a withdrawn key does not live on
	keysStale    = 24 * time.Hour   // then they are no longer believed
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

var errSignature = errors.New("no key of the issuer made this signature")

// keySet is one issuer's keys as an goidc.KeySet. go-oidc's own asks the issuer again for every bad signature, and for
// ever; this one is bounded by refetchLimit, lets a call go on with the keys it has while the issuer is down, and tells
// "not signed" from "cannot know".
type keySet struct {
	fetch      func(context.Context) ([]jose.JSONWebKey, error)
	algorithms []jose.SignatureAlgorithm
	now        func() time.Time

	flight singleflight.Group // of the one fetch that any number of calls wait for

	mu       sync.Mutex
	latest   *snapshot // nil: never fetched
	limit    refetchLimit
	fetching bool
	failures int // in a row
	failure  error
	retry    time.Time // no fetch before, after a failure
}

// snapshot is what one fetch brought. It does not change.
type snapshot struct {
	keys    []jose.JSONWebKey
	fetched time.Time
}

// attempt travels in the context of one verification, because go-oidc hands neither the caller's address in nor the
// error out.
type attempt struct {
	address     string
	signed      *snapshot // the keys by which the signature is good; nil: it is not
	unavailable error     // set when the signature could not be judged
}

type attemptKey struct{}

// VerifySignature implements goidc.KeySet. The algorithm is checked here too: the key set does not rely on who calls
// it.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, k.algorithms)
	if err != nil {
		return nil, errSignature
	}
	try, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		try = &attempt{}
	}
	keys, err := k.current(ctx)
	if err != nil {
		try.unavailable = err
		return nil, err
	}
	payload, known := keys.verify(jws)
	if payload != nil {
		try.signed = keys
		return payload, nil
	}
	newer, err := k.newer(ctx, keys, try.address)
	if err != nil && !known {
		try.unavailable = err // it may be signed by a key that we cannot get at now
		return nil, err
	}
	if newer != nil {
		if payload, _ := newer.verify(jws); payload != nil {
			try.signed = newer
			return payload, nil
		}
	}
	return nil, errSignature
}

// verify returns the payload if one of the keys signed it. known says that there is a key of the name in the header.
func (s *snapshot) verify(jws *jose.JSONWebSignature) (payload []byte, known bool) {
	header := jws.Signatures[0].Header
	for _, key := range s.keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		known = true
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, known
}

// current returns the keys we have. Old ones are renewed behind the calls' backs; a call waits when there are none to
// go on with.
func (k *keySet) current(ctx context.Context) (*snapshot, error) {
	k.mu.Lock()
	now := k.now()
	if k.latest == nil || now.Sub(k.latest.fetched) > keysStale {
		return k.unlockAndWait(ctx, now)
	}
	defer k.mu.Unlock()
	if now.Sub(k.latest.fetched) > keysFresh {
		k.take(ctx, now) // its error is kept for the call that needs to know
	}
	return k.latest, nil
}

// newer returns keys that came after those, if they are there, on their way, or the caller may have them fetched.
// Nil without an error: it may not.
func (k *keySet) newer(ctx context.Context, than *snapshot, address string) (*snapshot, error) {
	k.mu.Lock()
	now := k.now()
	if k.latest != than {
		defer k.mu.Unlock()
		return k.latest, nil
	}
	if !k.fetching && !k.limit.allow(address, now) {
		k.mu.Unlock()
		return nil, nil
	}
	return k.unlockAndWait(ctx, now)
}

// unlockAndWait waits for a fetch. The caller holds k.mu, which is released before the wait.
func (k *keySet) unlockAndWait(ctx context.Context, now time.Time) (*snapshot, error) {
	fetched, err := k.take(ctx, now)
	k.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-fetched:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*snapshot), nil
	}
}

// take joins the fetch that is under way or starts one, unless the last one failed a short time ago. The caller holds
// k.mu. The call that starts a fetch may go away: the fetch goes on for the others.
func (k *keySet) take(ctx context.Context, now time.Time) (<-chan singleflight.Result, error) {
	if !k.fetching && now.Before(k.retry) {
		return nil, k.failure
	}
	k.fetching = true
	ctx = context.WithoutCancel(ctx)
	return k.flight.DoChan(keysFlight, func() (any, error) { return k.run(ctx) }), nil
}

// keysFlight is the one key of keySet.flight.
const keysFlight = "keys"

func (k *keySet) run(ctx context.Context) (*snapshot, error) {
	keys, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fetching = false
	k.flight.Forget(keysFlight) // a call that comes from here on has seen these keys and must not wait for them again
	if err != nil {
		k.failure = err
		k.retry = k.now().Add(min(firstBackoff<<min(k.failures, 10), maxBackoff))
		k.failures++
		return nil, err
	}
	k.latest = &snapshot{keys: keys, fetched: k.now()}
	k.failures, k.failure, k.retry = 0, nil, time.Time{}
	return k.latest, nil
}
