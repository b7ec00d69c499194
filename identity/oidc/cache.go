package oidc

import (
	"context"
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	cachedTokens = 4096
	cachedFor    = 5 * time.Minute
)

// vouched is what an issuer stands for: the claims of one token, signed with one of its keys or told when it was asked.
// It says nothing about whether they hold now or whose call it is; both are judged with every call anew.
type vouched struct {
	issuer *issuer
	claims claims
	keys   *snapshot // that the signature was verified with; nil: the issuer was asked
	until  time.Time // and not longer, whatever the token says
}

// tokenCache saves the work of verifying a signature, or of asking an issuer, for a token that was good a moment ago.
// It is found by the hash of the whole token, so that no part of a token finds anything, and what is found belongs to
// the issuer in it. Failures are not kept: what was not good may become so, and whoever sends rubbish must not push
// good tokens out.
type tokenCache struct {
	tokens *lru.Cache[[sha256.Size]byte, *vouched]
}

func newTokenCache() *tokenCache {
	tokens, err := lru.New[[sha256.Size]byte, *vouched](cachedTokens)
	if err != nil {
		panic("identity: " + err.Error()) // a size that is not positive
	}
	return &tokenCache{tokens}
}

// get returns nil when there is nothing to go by. Keys that were fetched since make a signature unknown again, also
// while the same key is among them: so a key that was withdrawn verifies nothing from the moment on from which it
// verifies no new token.
func (c *tokenCache) get(ctx context.Context, hash [sha256.Size]byte) *vouched {
	v, ok := c.tokens.Get(hash)
	if !ok {
		return nil
	}
	if v.issuer.now().Before(v.until) {
		if v.keys == nil {
			return v
		}
		if latest, err := v.issuer.keys.current(ctx); err == nil && latest == v.keys {
			return v
		}
	}
	c.tokens.Remove(hash)
	return nil
}

func (c *tokenCache) add(hash [sha256.Size]byte, v *vouched) { c.tokens.Add(hash, v) }
