package oidc

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
)

const (
	proofSkew = 60 * time.Second // between the client's clock and ours, and what a proof takes to arrive; both ways
	maxProof  = 8 << 10
)

// confirm decides whether a token may be used by whoever sent it. A token that is bound to a key (RFC 7800) is worth
// nothing without a proof of that key, wherever it came: a token that is relayed, or comes over stdio, has none.
func (t *verifier) confirm(v *vouched, raw string, proof *identity.Proof) error {
	thumbprint, err := boundTo(v.claims)
	switch {
	case err != nil:
		return invalid("the access token is bound to something that cannot be proved here: only keys by their jkt can")
	case thumbprint == "" && proof != nil:
		return invalid("the access token is not bound to a key: it is for the Bearer scheme")
	case thumbprint == "" && v.issuer.boundOnly:
		return invalid("the access token is not bound to a key, as those of its issuer have to be")
	case thumbprint == "":
		return nil
	case proof == nil:
		return invalid("the access token is bound to a key: it needs the DPoP scheme and a proof")
	}
	jti, err := checkProof(proof, raw, thumbprint, v.issuer.now())
	if err != nil {
		return err
	}
	return proof.Once(func() error { return t.proofs.spend(thumbprint, jti, v.issuer.now()) })
}

// boundTo is the thumbprint of the key that the claims bind the token to, "" when they bind it to nothing.
func boundTo(c claims) (thumbprint string, err error) {
	if !c.has("cnf") {
		return "", nil
	}
	confirmation, err := c.object("cnf")
	if err != nil || len(confirmation) != 1 { // another member would be another condition
		return "", errShape
	}
	thumbprint, err = confirmation.text("jkt")
	if raw, bad := base64.RawURLEncoding.Strict().DecodeString(thumbprint); err != nil || bad != nil ||
		len(raw) != sha256.Size {
		return "", errShape
	}
	return thumbprint, nil
}

// checkProof verifies everything about a proof but whether it was used before, and returns its id.
func checkProof(p *identity.Proof, token, thumbprint string, now time.Time) (jti string, err error) {
	if p.JWT == "" {
		return "", badProof("the DPoP scheme needs a proof in the DPoP header")
	}
	if len(p.JWT) > maxProof {
		return "", badProof("the DPoP proof is too long")
	}
	header, _, err := open(p.JWT)
	if err != nil {
		return "", badProof("the DPoP proof is malformed")
	}
	key, err := proofKey(header)
	if err != nil {
		return "", err
	}
	if sum, err := key.Thumbprint(crypto.SHA256); err != nil || base64.RawURLEncoding.EncodeToString(sum) != thumbprint {
		return "", badProof("the DPoP proof is of another key than the access token is bound to")
	}
	jws, err := jose.ParseSignedCompact(p.JWT, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
	if err != nil {
		return "", badProof("the DPoP proof is malformed")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return "", badProof("the DPoP proof is not signed by its own key")
	}
	said, err := decodeClaims(payload)
	if err != nil {
		return "", badProof("the DPoP proof is malformed")
	}
	return checkProofClaims(p, said, token, now)
}

// proofKey is the public key in a proof's header, with the algorithm that the proof is signed with.
func proofKey(header claims) (*jose.JSONWebKey, error) {
	if typ, err := header.text("typ"); err != nil || tokenType(typ) != "dpop+jwt" {
		return nil, badProof("the DPoP proof's header says it is something else")
	}
	algorithm, err := header.text("alg")
	if err != nil || !slices.Contains(identity.ProofAlgorithms(), algorithm) {
		return nil, badProof("the DPoP proof is signed with an algorithm that is not taken here")
	}
	if header.has("crit") {
		return nil, badProof("the DPoP proof's header demands something that is not understood here")
	}
	members, err := header.object("jwk")
	if err != nil || members == nil {
		return nil, badProof("the DPoP proof does not bring its public key along")
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if members.has(private) {
			return nil, badProof("the DPoP proof brings a private key along: that key is burnt")
		}
	}
	key := &jose.JSONWebKey{}
	if err := json.Unmarshal(header["jwk"], key); err != nil || !usable(*key) ||
		key.Algorithm != "" && key.Algorithm != algorithm {
		return nil, badProof("the DPoP proof does not bring a usable public key along")
	}
	key.Algorithm = algorithm
	return key, nil
}

// checkProofClaims checks that a proof was made for this request and this token, just now.
func checkProofClaims(p *identity.Proof, said claims, token string, now time.Time) (jti string, err error) {
	if method, err := said.text("htm"); err != nil || method == "" || method != p.Method {
		return "", badProof("the DPoP proof is for another method")
	}
	if where, err := said.text("htu"); err != nil || where == "" || !sameURL(where, p.URL) {
		return "", badProof("the DPoP proof is for another address")
	}
	hash := sha256.Sum256([]byte(token))
	if ath, err := said.text("ath"); err != nil || ath != base64.RawURLEncoding.EncodeToString(hash[:]) {
		return "", badProof("the DPoP proof is for another access token")
	}
	made, ok, err := said.date("iat")
	if err != nil || !ok || made.Before(now.Add(-proofSkew)) || made.After(now.Add(proofSkew)) {
		return "", badProof("the DPoP proof was not made just now")
	}
	if expires, ok, err := said.date("exp"); err != nil || ok && !now.Before(expires) {
		return "", badProof("the DPoP proof has expired")
	}
	if begins, ok, err := said.date("nbf"); err != nil || ok && begins.After(now.Add(proofSkew)) {
		return "", badProof("the DPoP proof is not valid yet")
	}
	if jti, err = said.id("jti"); err != nil || jti == "" {
		return "", badProof("the DPoP proof has no id")
	}
	return jti, nil
}

// sameURL compares as RFC 9449 wants it: scheme and host without case, with the default port or without it, and the
// path exactly. A query or a fragment does not belong into a proof.
func sameURL(a, b string) bool {
	x, err := url.Parse(a)
	if err != nil || x.User != nil || x.Opaque != "" || x.RawQuery != "" || x.ForceQuery || strings.Contains(a, "#") {
		return false
	}
	y, err := url.Parse(b)
	return err == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Hostname(), y.Hostname()) &&
		port(x) == port(y) && x.EscapedPath() == y.EscapedPath()
}

func port(u *url.URL) string {
	defaults := map[string]string{"https": "443", "http": "80"}
	if p := u.Port(); p != "" {
		return p
	}
	return defaults[strings.ToLower(u.Scheme)]
}
