package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"deputy/identity"
)

const (
	askTimeout = 5 * time.Second // for one token, the wait for a turn included
	askAtOnce  = 16
	// Answers that are not a yes, in refetchEvery: so many may one address cause, and so many all of them together.
	deniedEach = 10
	deniedAll  = 300

	defaultIntrospected = 30 * time.Second
	minIntrospected     = time.Second
	maxIntrospected     = cachedFor
)

// introspection asks an issuer about tokens that only it can read (RFC 7662). A yes is remembered for a short time,
// everything else counts against the caller's address: garbage that is sent to us must not become a flood on the
// issuer.
type introspection struct {
	issuer *issuer
	remote *remote
	url    string // as configured; empty: discovered
	id     string
	secret identity.Secret
	cache  time.Duration
	turns  chan struct{} // one for each question under way
	silent bool          // the configuration that names the endpoint is not in force yet: nothing is asked there

	mu    sync.Mutex
	limit refetchLimit
	found string // the discovered endpoint
	until time.Time
}

func newIntrospection(
	config identity.IntrospectionConfig,
	iss *issuer,
	remote *remote,
	key string,
	wrong *identity.Problems,
) *introspection {
	if config.ClientID == "" {
		wrong.Add(key+".client_id", "missing: the issuer answers nobody whom it does not know")
	}
	if config.ClientSecret == "" {
		wrong.Add(key+".client_secret", "missing: write ${NAME} and put the secret into that environment variable")
	}
	if config.Cache != 0 && (config.Cache < minIntrospected || config.Cache > maxIntrospected) {
		wrong.Add(key+".cache", "a token that its issuer has revoked counts for that long: write 1s to 5m")
	}
	if u, err := url.Parse(config.URL); config.URL != "" &&
		(err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
			u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname()))) {
		wrong.Add(key+".url", "tokens and the secret travel to it: write https and a host")
	}
	return &introspection{
		issuer: iss, remote: remote, url: config.URL, id: config.ClientID, secret: config.ClientSecret,
		cache: cmp.Or(config.Cache, defaultIntrospected), turns: make(chan struct{}, askAtOnce),
		limit: refetchLimit{each: deniedEach, all: deniedAll},
	}
}

// introspector is the issuer that is asked about opaque tokens; nil: there is none.
func (t *verifier) introspector() *introspection {
	for _, iss := range t.issuers {
		if iss.asks != nil {
			return iss.asks
		}
	}
	return nil
}

// token68 is what a bearer token is made of (RFC 6750).
var token68 = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// opaque reports whether a token can be one that only its issuer reads. One in the shape of a JWS never is: that one is
// verified here, or refused.
func opaque(raw string) bool { return strings.Count(raw, ".") != 2 && token68.MatchString(raw) }

// introspect returns what the issuer says of an active token. Whatever keeps the answer from being known is
// Unavailable.
func (i *introspection) introspect(ctx context.Context, token, address string) (*vouched, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case i.turns <- struct{}{}:
		defer func() { <-i.turns }()
	case <-ctx.Done():
		return nil, unanswered(ctx.Err())
	}
	if !i.may(address) { // asked when the turn has come: who waited for it may have been answered meanwhile
		return nil, &identity.AuthError{
			Code:    identity.Unavailable,
			Message: "too many access tokens that are not good came from this address: wait a moment",
		}
	}
	claims, err := i.ask(ctx, token)
	if err == nil {
		err = i.check(claims)
	}
	if err != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.limit.spend(address, i.issuer.now())
		return nil, err
	}
	return &vouched{issuer: i.issuer, claims: claims, until: i.issuer.now().Add(i.cache)}, nil
}

func unanswered(cause error) *identity.AuthError {
	return &identity.AuthError{
		Code:    identity.Unavailable,
		Message: "the access token cannot be verified now: its issuer does not answer",
		Cause:   cause,
	}
}

func (i *introspection) may(address string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.limit.left(address, i.issuer.now())
}

// ask puts the question. The client proves itself as RFC 6749 says, with both parts encoded as in a form.
func (i *introspection) ask(ctx context.Context, token string) (claims, error) {
	where, err := i.endpoint(ctx)
	if err != nil {
		return nil, unanswered(err)
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, where, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, unanswered(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(url.QueryEscape(i.id), url.QueryEscape(string(i.secret)))
	body, err := i.remote.do(request)
	if err != nil {
		return nil, unanswered(fmt.Errorf("introspect at issuer %s: %w", i.remote.text, err))
	}
	claims, err := decodeClaims(body)
	if err != nil {
		return nil, unanswered(fmt.Errorf("introspect at issuer %s: %w", i.remote.text, err))
	}
	return claims, nil
}

// endpoint is where to ask. A discovered one is looked for again as often as keys are.
func (i *introspection) endpoint(ctx context.Context) (string, error) {
	if i.silent {
		return "", errNotInForce
	}
	if i.url != "" {
		return i.url, nil
	}
	i.mu.Lock()
	found, until := i.found, i.until
	i.mu.Unlock()
	if i.issuer.now().Before(until) {
		return found, nil
	}
	found, err := i.remote.discover(ctx, "introspection_endpoint")
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.found, i.until = found, i.issuer.now().Add(keysFresh)
	return found, nil
}

// check judges the answer as an answer; what the token is worth is judged like that of any other. An answer without the
// word is none: only the literal true lets a token in, and only the literal false says that the issuer knows of none.
func (i *introspection) check(c claims) error {
	switch string(c["active"]) {
	case "true":
	case "false":
		return invalid("the access token is not active, as its issuer says")
	default:
		return unanswered(errors.New("the answer does not say whether the token is active"))
	}
	if kind, err := c.text("token_type"); err != nil ||
		kind != "" && !strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "dpop") ||
		strings.EqualFold(kind, "dpop") && !c.has("cnf") {
		return invalid("this is not an access token: its issuer says it is of another kind")
	}
	if client, err := c.id("client_id"); err != nil || client == "" {
		return invalid("the issuer does not say which client the access token was issued to")
	}
	return i.issuer.checkClaims(c)
}
