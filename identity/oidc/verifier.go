package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
)

const (
	leeway = 60 * time.Second // between the issuer's clock and ours, for nbf and iat; an expired token is expired
)

// verifier implements identity.Tokens.
type verifier struct {
	issuers []*issuer
	cache   *tokenCache
	proofs  *Proofs
}

// Verify checks one access token, and the proof that came with it, and returns what its issuer says in it.
func (t *verifier) Verify(ctx context.Context, raw, address string, proof *identity.Proof) (*identity.Token, error) {
	v, err := t.vouch(ctx, raw, address)
	if err != nil {
		return nil, err
	}
	if err := t.confirm(v, raw, proof); err != nil {
		return nil, err
	}
	said, err := v.issuer.read(v.claims)
	if err != nil {
		return nil, err
	}
	if v.keys != nil {
		said.Expires, _, _ = v.claims.date("exp") // vouch has read it
	}
	return said, nil
}

// Ready says which issuers' keys are not to be had now.
func (t *verifier) Ready(ctx context.Context) error { return errors.Join(t.ask(ctx)...) }

// ask is what keeps each issuer's keys from being had; nil where they are.
func (t *verifier) ask(ctx context.Context) []error {
	failures := make([]error, len(t.issuers))
	var all sync.WaitGroup
	for n, iss := range t.issuers {
		all.Go(func() {
			if _, failures[n] = iss.keys.current(ctx); failures[n] == nil && iss.asks != nil {
				_, failures[n] = iss.asks.endpoint(ctx)
			}
		})
	}
	all.Wait()
	return failures
}

// vouch finds out what the token's issuer stands for. Its claims are checked whether they were known before or not.
func (t *verifier) vouch(ctx context.Context, raw, address string) (*vouched, error) {
	if len(raw) > identity.MaxToken {
		return nil, invalid("the access token is too long")
	}
	hash := sha256.Sum256([]byte(raw))
	known := t.cache.get(ctx, hash)
	v, err := known, error(nil)
	switch {
	case known != nil:
	case opaque(raw) && t.introspector() != nil:
		v, err = t.introspector().introspect(ctx, raw, address)
	default:
		v, err = t.signed(ctx, raw, address)
	}
	if err != nil {
		return nil, err
	}
	if err := v.issuer.checkClaims(v.claims); err != nil {
		return nil, err
	}
	if known == nil {
		t.cache.add(hash, v)
	}
	return v, nil
}

// signed verifies a JWT. The order is: shape, issuer, kind, signature; the claims are read again from the bytes that
// were signed.
func (t *verifier) signed(ctx context.Context, raw, address string) (*vouched, error) {
	header, unverified, err := open(raw)
	if err != nil {
		return nil, err
	}
	iss := t.issuerOf(unverified)
	if iss == nil {
		return nil, invalid("the access token is not from an issuer that is trusted here")
	}
	if err := iss.checkHeader(header); err != nil {
		return nil, err
	}
	return iss.checkSignature(ctx, raw, address)
}

// open takes a token apart without believing any of it.
func open(raw string) (header, unverified claims, err error) {
	malformed := invalid("the access token is malformed")
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, malformed
	}
	decoded := make([][]byte, 3)
	for n, part := range parts {
		if decoded[n], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil ||
			strings.ContainsAny(part, "\r\n") {
			return nil, nil, malformed
		}
	}
	if header, err = decodeClaims(decoded[0]); err != nil {
		return nil, nil, malformed
	}
	if unverified, err = decodeClaims(decoded[1]); err != nil {
		return nil, nil, malformed
	}
	return header, unverified, nil
}

func (t *verifier) issuerOf(unverified claims) *issuer {
	url, err := unverified.text("iss")
	for _, iss := range t.issuers {
		if err == nil && iss.url == url {
			return iss
		}
	}
	return nil
}

func (i *issuer) checkHeader(header claims) error {
	typ, err := header.text("typ")
	if err != nil || !slices.Contains(i.types, tokenType(typ)) {
		return invalid("this is not an access token: its header says it is of another type")
	}
	algorithm, err := header.text("alg")
	if err != nil ||
		!slices.ContainsFunc(i.algorithms, func(a jose.SignatureAlgorithm) bool { return string(a) == algorithm }) {
		return invalid("the access token is signed with an algorithm that is not taken here")
	}
	if header.has("crit") {
		return invalid("the access token's header demands something that is not understood here")
	}
	return nil
}

// checkSignature has go-oidc check signature, issuer, audience and expiry, and returns the claims that were signed.
// What go-oidc says of a failure is dropped, because it quotes the token.
func (i *issuer) checkSignature(ctx context.Context, raw, address string) (*vouched, error) {
	try := &attempt{address: address}
	verified, err := i.verifier.Verify(context.WithValue(ctx, attemptKey{}, try), raw)
	var expired *goidc.TokenExpiredError
	switch {
	case try.unavailable != nil:
		return nil, &identity.AuthError{
			Code:    identity.Unavailable,
			Message: "the access token cannot be verified now: its issuer's keys are not available",
			Cause:   try.unavailable,
		}
	case errors.As(err, &expired):
		return nil, invalid("the access token has expired")
	case err != nil && try.signed == nil:
		return nil, invalid("the access token is not signed by its issuer")
	case err != nil:
		return nil, invalid("the access token is not for this server, or is malformed")
	}
	var payload json.RawMessage
	if err := verified.Claims(&payload); err != nil {
		return nil, invalid("the access token is malformed")
	}
	c, err := decodeClaims(payload)
	if err != nil {
		return nil, invalid("the access token is malformed")
	}
	return &vouched{issuer: i, claims: c, keys: try.signed, until: i.now().Add(cachedFor)}, nil
}

// checkClaims checks everything that makes what an issuer vouches for an access token for us, now. It repeats what
// go-oidc checked, because go-oidc reads claim names without case, and because of a token that was verified before only
// the signature is remembered.
func (i *issuer) checkClaims(c claims) error {
	if issuer, err := c.text("iss"); err != nil || issuer != i.url {
		return invalid("the access token is not from an issuer that is trusted here")
	}
	audience, err := c.list("aud")
	if i.allowUserinfo && len(audience) == 2 { // only the issuer itself reads that one, and it can sign what it likes
		userinfo := strings.TrimSuffix(i.url, "/") + "/userinfo"
		audience = slices.DeleteFunc(audience, func(a string) bool { return a == userinfo })
	}
	if err != nil || len(audience) != 1 || audience[0] != i.audience {
		return invalid("the access token is not for this server, or not for it alone")
	}
	if err := i.checkTimes(c); err != nil {
		return err
	}
	return checkKind(c)
}

func (i *issuer) checkTimes(c claims) error {
	now := i.now()
	expires, ok, err := c.date("exp")
	if err != nil || !ok {
		return invalid("the access token does not say when it expires")
	}
	if !now.Before(expires) {
		return invalid("the access token has expired")
	}
	for _, claim := range []string{"nbf", "iat"} {
		if begins, ok, err := c.date(claim); err != nil || ok && begins.After(now.Add(leeway)) {
			return invalid("the access token is not valid yet")
		}
	}
	return nil
}

// checkKind refuses what else an issuer signs with the same key: ID, refresh and logout tokens.
func checkKind(c claims) error {
	for _, claim := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		if c.has(claim) {
			return invalid("this is an ID token: an access token is wanted")
		}
	}
	if c.has("events") {
		return invalid("this is a logout token or a security event: an access token is wanted")
	}
	// Keycloak, Cognito and Hydra
	for claim, access := range map[string][]string{"typ": {"bearer", "dpop"}, "token_use": {"access", "access_token"}} {
		kind, err := c.text(claim)
		if err != nil || kind != "" && !slices.Contains(access, strings.ToLower(kind)) ||
			strings.EqualFold(kind, "dpop") && !c.has("cnf") {
			return invalid("this is not an access token: its claims say it is of another kind")
		}
	}
	return nil
}
