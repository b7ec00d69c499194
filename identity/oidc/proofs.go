package oidc

import (
	"crypto/sha256"
	"sync"
	"time"

	"deputy/identity"
)

const (
	proofWindow    = 2 * proofSkew // how long a proof can be taken
	proofsPerKey   = 1 << 15       // remembered at once
	proofsTogether = 1 << 17
)

// Proofs remembers the DPoP proofs that were used, for as long as they could be used again. Make one with NewProofs and
// give it to every Authenticator of a process: what was used before a configuration was reloaded is used after it. A
// full memory takes no more proofs, for to forget one would let it in twice; the part of one key is bounded, so that
// its holder does not fill everybody's.
type Proofs struct {
	each, all int

	mu            sync.Mutex
	since         time.Time // when recent was begun
	recent, older spentProofs
}

// spentProofs are hashes of ids, by the thumbprint of the key.
type spentProofs struct {
	ids   map[string]map[[sha256.Size]byte]bool
	count int
}

// NewProofs makes a memory that has seen no proof.
func NewProofs() *Proofs { return &Proofs{each: proofsPerKey, all: proofsTogether} }

// spend refuses an id that the key has used before.
func (p *Proofs) spend(thumbprint, jti string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.since); age >= proofWindow {
		p.older, p.recent, p.since = p.recent, spentProofs{ids: map[string]map[[sha256.Size]byte]bool{}}, now
		if age >= 2*proofWindow {
			p.older = spentProofs{}
		}
	}
	id := sha256.Sum256([]byte(jti))
	recent, older := p.recent.ids[thumbprint], p.older.ids[thumbprint]
	if recent[id] || older[id] {
		return badProof("the DPoP proof was used before: each request needs its own")
	}
	if len(recent)+len(older) >= p.each || p.recent.count+p.older.count >= p.all {
		return &identity.AuthError{
			Code:    identity.Unavailable,
			Message: "too many DPoP proofs came in a short time: wait a minute",
		}
	}
	if recent == nil {
		recent = map[[sha256.Size]byte]bool{}
		p.recent.ids[thumbprint] = recent
	}
	recent[id] = true
	p.recent.count++
	return nil
}
