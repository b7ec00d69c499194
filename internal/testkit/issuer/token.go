package issuer

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Claims are what a token says. Empty fields are left out of it, unless a default is named.
type Claims struct {
	Subject  string
	ClientID string
	Actor    string // becomes act.sub: who acts for the subject now
	Audience string // default: the issuer's configured one
	Name     string
	Groups   []string
	Lifetime time.Duration  // default one hour; negative for a token that has expired
	Extra    map[string]any // laid over everything else; a nil value takes a claim out
}

// Forgery bends a token away from what an honest issuer signs, for the tests that must see it refused.
type Forgery struct {
	Type      string                  // header typ; default at+jwt, "-" for none
	Algorithm jose.SignatureAlgorithm // default ES256
	Key       any                     // signs instead of the issuer's own key
	KeyID     string                  // header kid; default the issuer's own, "-" for none
	Headers   map[string]any          // more of the header
	Payload   []byte                  // signed as it is, instead of claims
}

// Token signs an access token. It panics on claims that are not JSON: they are written by the caller, never read from
// anywhere.
func (i *Issuer) Token(claims Claims) string { return i.Forge(Forgery{}, claims) }

// Forge signs a token that an honest issuer would not.
func (i *Issuer) Forge(f Forgery, claims Claims) string {
	own := i.signingKey()
	if f.Type == "" {
		f.Type = "at+jwt"
	}
	if f.Algorithm == "" {
		f.Algorithm = jose.ES256
	}
	if f.Key == nil {
		f.Key = own.Key
	}
	if f.KeyID == "" {
		f.KeyID = own.KeyID
	}
	if f.Payload == nil {
		f.Payload = i.Payload(claims)
	}
	token, err := f.sign()
	if err != nil {
		panic(fmt.Sprintf("sign a token: %v", err))
	}
	return token
}

// Payload is the JSON that Token signs.
func (i *Issuer) Payload(c Claims) []byte {
	now := i.config.Now()
	lifetime := c.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	audience := c.Audience
	if audience == "" {
		audience = i.config.Audience
	}
	claims := map[string]any{
		"iss": i.url, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
	for name, value := range map[string]string{"sub": c.Subject, "client_id": c.ClientID, "name": c.Name} {
		if value != "" {
			claims[name] = value
		}
	}
	if c.Actor != "" {
		claims["act"] = map[string]string{"sub": c.Actor}
	}
	if c.Groups != nil {
		claims["groups"] = c.Groups
	}
	maps.Copy(claims, c.Extra)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(fmt.Sprintf("write claims: %v", err))
	}
	return payload
}

func (f Forgery) sign() (string, error) {
	options := &jose.SignerOptions{}
	if f.Type != "-" {
		options.WithType(jose.ContentType(f.Type))
	}
	if f.KeyID != "-" {
		options.WithHeader("kid", f.KeyID)
	}
	for name, value := range f.Headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: f.Algorithm, Key: f.Key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(f.Payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
