package issuer

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
)

// What a resource server proves itself with when it asks about a token (RFC 7662).
const (
	IntrospectionClient = "deputy"
	IntrospectionSecret = "s e:c+r%t" // has to be encoded, as RFC 6749 says
)

// Opaque makes a token that says nothing by itself. Claims are what the issuer answers about it.
func (i *Issuer) Opaque(claims Claims) string {
	token := "opaque_" + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.opaque == nil {
		i.opaque = map[string][]byte{}
	}
	i.opaque[token] = i.Payload(claims)
	return token
}

// Revoke makes an opaque token inactive.
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.opaque, token)
}

// Introspections counts how often somebody who may ask has asked about a token.
func (i *Issuer) Introspections() int { return int(i.introspections.Load()) }

// Introspect replaces how questions are answered, for the tests that must see an answer refused; nil: honestly again.
func (i *Issuer) Introspect(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.introspect = answer
}

func (i *Issuer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != IntrospectionClient || secret != "s+e%3Ac%2Br%25t" {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	i.introspections.Add(1)
	i.mu.Lock()
	payload, active := i.opaque[r.PostFormValue("token")]
	answer := i.introspect
	i.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case !active:
		writeJSON(w, map[string]any{"active": false})
	default:
		says := map[string]any{"active": true, "token_type": "Bearer"}
		var claims map[string]any
		json.Unmarshal(payload, &claims) // it was marshalled here
		maps.Copy(says, claims)
		writeJSON(w, says)
	}
}
