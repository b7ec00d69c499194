package identity

import (
	"slices"
	"sync/atomic"
)

// proofAlgorithms are asymmetric only: whoever verifies a proof must not be able to make one.
var proofAlgorithms = []string{"ES256", "EdDSA", "PS256", "RS256"}

// ProofAlgorithms are what a proof may be signed with, the best first.
func ProofAlgorithms() []string { return slices.Clone(proofAlgorithms) }

// Proof is a DPoP proof (RFC 9449) and the request that it came with, as the server knows the request and not as the
// client tells it. One Proof is one request: it may be verified again and again, while another one with the same JWT is
// a replay.
type Proof struct {
	JWT    string `json:"-"` // what stood in the DPoP header; empty when there was none
	Method string // of the request
	URL    string // of the request, by the server's public name and without a query

	spent atomic.Bool
}

// Once runs spend until it has succeeded once. The verifier marks the proof's id as used in it: every later
// verification of this request finds that done.
func (p *Proof) Once(spend func() error) error {
	if p.spent.Load() {
		return nil
	}
	if err := spend(); err != nil {
		return err
	}
	p.spent.Store(true)
	return nil
}

func (*Proof) String() string { return "proof" }

// GoString hides the proof from %#v as well.
func (*Proof) GoString() string { return "identity.Proof{}" }
