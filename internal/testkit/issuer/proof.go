package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Prover is the client's side of DPoP (RFC 9449): a key that tokens are bound to.
type Prover struct {
	key jose.JSONWebKey
	now func() time.Time
}

// NewProver makes a key; now may be nil.
func NewProver(now func() time.Time) *Prover {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("make a key for proofs: %v", err)) // crypto/rand does not fail
	}
	if now == nil {
		now = time.Now
	}
	return &Prover{key: jose.JSONWebKey{Key: private}, now: now}
}

// Confirmation is the cnf claim of tokens that are bound to the key.
func (p *Prover) Confirmation() map[string]any {
	sum, err := p.key.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(fmt.Sprintf("the thumbprint of a key: %v", err))
	}
	return map[string]any{"jkt": base64.RawURLEncoding.EncodeToString(sum)}
}

// Private is the key itself, for the tests that give it away.
func (p *Prover) Private() jose.JSONWebKey { return p.key }

// Bend changes a proof before it is signed: members of its header and of its claims; a nil value takes one out.
type Bend struct{ Header, Claims map[string]any }

// Proof makes a proof for one request with a token.
func (p *Prover) Proof(method, url, token string, bent ...Bend) string {
	hash := sha256.Sum256([]byte(token))
	header := map[string]any{"typ": "dpop+jwt", "alg": jose.ES256, "jwk": p.key.Public()}
	claims := map[string]any{
		"jti": rand.Text(), "htm": method, "htu": url, "iat": p.now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(hash[:]),
	}
	for _, b := range bent {
		maps.Copy(header, b.Header)
		maps.Copy(claims, b.Claims)
	}
	input := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key.Key.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		panic(fmt.Sprintf("sign a proof: %v", err))
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(members map[string]any) string {
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(members)
	if err != nil {
		panic(fmt.Sprintf("write a proof: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
