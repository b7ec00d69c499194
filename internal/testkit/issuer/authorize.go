package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The endpoints that people sign in at: the authorization code with PKCE (RFC 7636), the device's code (RFC 8628),
// tokens that are refreshed and rotate, and revocation (RFC 7009). They are as strict as a good provider is, so that a
// client which passes here does what it must. The one thing that is not real is the human: SignIn says who sits in
// front of the browser.

const (
	codeLifetime   = time.Minute
	deviceLifetime = 10 * time.Minute
	deviceInterval = time.Second
)

// sessions are what the endpoints remember. Guarded by mu.
type sessions struct {
	mu       sync.Mutex
	human    *Claims // who signs in; nil: they say no
	metadata map[string]any
	codes    map[string]*grant
	devices  map[string]*grant // by device code
	refresh  map[string]*grant // every token that was ever given, used ones too
	reused   int
	revoked  []string
	asked    []url.Values // what came to the token endpoint
	secret   string       // that clients must know; empty: they are public
	forge    func(Claims) string
}

// grant is one sign-in and what came of it.
type grant struct {
	claims    Claims
	client    string
	redirect  string
	challenge string
	resource  string
	scope     string
	userCode  string
	approved  bool
	denied    bool
	expires   time.Time
	current   string // the refresh token that is good
	spent     bool   // the code was exchanged
	ended     bool   // revoked, by its owner or because something was used twice
	slowDowns int
}

// SignIn says who signs in from now on, whoever asks. The client and the audience of their tokens are those of the
// request. Nil: whoever is there says no.
func (i *Issuer) SignIn(human *Claims) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	i.sessions.human = human
}

// Announce lays members over the discovery document; a nil value takes one out.
func (i *Issuer) Announce(metadata map[string]any) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	i.sessions.metadata = metadata
}

// RequireSecret has the token endpoint ask clients for a secret.
func (i *Issuer) RequireSecret(secret string) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	i.sessions.secret = secret
}

// AnswerWith has the token endpoint give out what sign makes of a sign-in, instead of a good access token.
func (i *Issuer) AnswerWith(sign func(Claims) string) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	i.sessions.forge = sign
}

// SlowDown has the next polls of every device that is waiting answered with slow_down.
func (i *Issuer) SlowDown(polls int) {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	for _, g := range i.sessions.devices {
		g.slowDowns = polls
	}
}

// Reused counts refresh tokens and codes that were used a second time: each ended its sign-in.
func (i *Issuer) Reused() int {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	return i.sessions.reused
}

// Revoked are the tokens that were given back.
func (i *Issuer) Revoked() []string {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	return slices.Clone(i.sessions.revoked)
}

// Asked are the forms that came to the token endpoint.
func (i *Issuer) Asked() []url.Values {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	return slices.Clone(i.sessions.asked)
}

// EndSessions makes every refresh token worthless, as an administrator does.
func (i *Issuer) EndSessions() {
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	for _, g := range i.sessions.refresh {
		g.ended = true
	}
}

// serveAuthorize is what a browser opens. It sends it straight back with the code of whoever signs in.
func (i *Issuer) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || redirect.Scheme != "http" || redirect.Hostname() != "127.0.0.1" || redirect.Port() == "" ||
		q.Get("client_id") == "" {
		http.Error(w, "the client is not known here, or comes from elsewhere", http.StatusBadRequest) // never redirected
		return
	}
	answer := url.Values{"state": {q.Get("state")}, "iss": {i.url}}
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	switch {
	case q.Get("response_type") != "code" || q.Get("state") == "" || q.Get("code_challenge_method") != "S256" ||
		len(q.Get("code_challenge")) != 43:
		answer.Set("error", "invalid_request")
	case i.sessions.human == nil:
		answer.Set("error", "access_denied")
	default:
		code := rand.Text()
		i.sessions.codes[code] = &grant{
			claims: *i.sessions.human, client: q.Get("client_id"), redirect: q.Get("redirect_uri"),
			challenge: q.Get("code_challenge"), resource: named(q), scope: q.Get("scope"),
			expires: i.config.Now().Add(codeLifetime),
		}
		answer.Set("code", code)
	}
	redirect.RawQuery = answer.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

// named is the audience that a request names: by resource (RFC 8707), or as Auth0 has it.
func named(q url.Values) string {
	if q.Has("resource") {
		return q.Get("resource")
	}
	return q.Get("audience")
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request")
		return
	}
	form := r.PostForm
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	i.sessions.asked = append(i.sessions.asked, form)
	if !i.client(r) {
		refuse(w, "invalid_client")
		return
	}
	var g *grant
	var problem string
	switch form.Get("grant_type") {
	case "authorization_code":
		g, problem = i.byCode(form)
	case "refresh_token":
		g, problem = i.byRefreshToken(form)
	case "urn:ietf:params:oauth:grant-type:device_code":
		g, problem = i.byDevice(form)
	default:
		problem = "unsupported_grant_type"
	}
	if problem != "" {
		refuse(w, problem)
		return
	}
	if resource := named(form); resource != "" && resource != g.resource {
		refuse(w, "invalid_target")
		return
	}
	writeJSON(w, i.answer(g))
}

// client fills in the client of a request that authenticates with its header, and says whether it may ask. sessions.mu
// is held.
func (i *Issuer) client(r *http.Request) bool {
	if id, secret, ok := r.BasicAuth(); ok {
		r.PostForm.Set("client_id", id)
		return secret == i.sessions.secret
	}
	return r.PostForm.Get("client_secret") == i.sessions.secret
}

func (i *Issuer) byCode(form url.Values) (*grant, string) {
	g := i.sessions.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case g == nil || g.client != form.Get("client_id") || g.redirect != form.Get("redirect_uri") ||
		i.config.Now().After(g.expires):
		return nil, "invalid_grant"
	case base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		return nil, "invalid_grant"
	case g.spent:
		i.sessions.reused++
		g.ended = true
		return nil, "invalid_grant"
	}
	g.spent = true
	return g, ""
}

func (i *Issuer) byRefreshToken(form url.Values) (*grant, string) {
	g := i.sessions.refresh[form.Get("refresh_token")]
	switch {
	case g == nil || g.ended || g.client != form.Get("client_id"):
		return nil, "invalid_grant"
	case g.current != form.Get("refresh_token"):
		i.sessions.reused++ // somebody has a copy: nobody can go on with it (RFC 9700, section 4.14)
		g.ended = true
		return nil, "invalid_grant"
	}
	return g, ""
}

// answer is a token response: an access token, and the refresh token that replaces the one before. sessions.mu is held.
func (i *Issuer) answer(g *grant) map[string]any {
	claims := g.claims
	claims.ClientID = g.client
	if g.resource != "" {
		claims.Audience = g.resource
	}
	lifetime := claims.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	sign := i.Token
	if i.sessions.forge != nil {
		sign = i.sessions.forge
	}
	out := map[string]any{
		"access_token": sign(claims),
		"token_type":   "Bearer",
		"expires_in":   int(lifetime.Seconds()),
		"scope":        g.scope,
	}
	scopes := strings.Fields(g.scope)
	if slices.Contains(scopes, "openid") {
		id := claims
		id.Audience = g.client
		out["id_token"] = i.Forge(Forgery{Type: "JWT"}, id)
	}
	if slices.Contains(scopes, "offline_access") {
		g.current = rand.Text()
		i.sessions.refresh[g.current] = g
		out["refresh_token"] = g.current
	}
	return out
}

// serveRevoke ends a sign-in (RFC 7009). Unknown tokens are no error.
func (i *Issuer) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request")
		return
	}
	i.sessions.mu.Lock()
	defer i.sessions.mu.Unlock()
	if !i.client(r) {
		refuse(w, "invalid_client")
		return
	}
	token := r.PostForm.Get("token")
	i.sessions.revoked = append(i.sessions.revoked, token)
	if g := i.sessions.refresh[token]; g != nil && g.client == r.PostForm.Get("client_id") {
		g.ended = true
	}
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	writeJSON(w, map[string]string{"error": code})
}
