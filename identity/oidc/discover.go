package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"deputy/identity"
)

// Endpoints are where an issuer signs people in, each as trustworthy as the issuer itself: nothing in the clear,
// nothing inside.
type Endpoints struct {
	Issuer              string
	Authorization       string
	Token               string
	DeviceAuthorization string // empty: devices cannot sign in
	Revocation          string // empty: nothing can be given back
	NamesItself         bool   // it promises the iss parameter of RFC 9207 in every answer
	SecretInForm        bool   // a client secret goes into the form and not into the header

	// Client asks these endpoints: it follows no redirect and does not wait for ever.
	Client *http.Client
}

// Discover reads what an issuer says of itself.
func Discover(ctx context.Context, issuer string, client *http.Client) (Endpoints, error) {
	r, err := newRemote(issuer, client)
	if err != nil {
		return Endpoints{}, fmt.Errorf("issuer %.200q: %w", issuer, err)
	}
	found, err := r.endpoints(ctx)
	if err != nil {
		return Endpoints{}, fmt.Errorf("discover issuer %s: %w", r.text, err)
	}
	return found, nil
}

func (r *remote) endpoints(ctx context.Context) (Endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	body, err := r.get(ctx, strings.TrimSuffix(r.text, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return Endpoints{}, err
	}
	metadata, err := r.metadata(body)
	if err != nil {
		return Endpoints{}, err
	}
	found := Endpoints{Issuer: r.text, Client: r.client}
	for name, where := range map[string]*string{
		"authorization_endpoint": &found.Authorization, "token_endpoint": &found.Token,
		"device_authorization_endpoint": &found.DeviceAuthorization, "revocation_endpoint": &found.Revocation,
	} {
		if *where, err = r.endpoint(metadata, name); err != nil {
			return Endpoints{}, err
		}
	}
	if found.Token == "" {
		return Endpoints{}, misconfigured{errors.New("the document there names no token_endpoint")}
	}
	if metadata.has("code_challenge_methods_supported") { // many know PKCE and do not say so
		if methods, err := metadata.list("code_challenge_methods_supported"); err != nil ||
			!slices.Contains(methods, "S256") {
			return Endpoints{}, misconfigured{
				errors.New("it does not take PKCE with S256, without which whoever sees a code could use it"),
			}
		}
	}
	if raw, ok := metadata["authorization_response_iss_parameter_supported"]; ok &&
		json.Unmarshal(raw, &found.NamesItself) != nil {
		return Endpoints{}, misconfigured{
			errors.New("authorization_response_iss_parameter_supported is neither true nor false"),
		}
	}
	methods, err := metadata.list("token_endpoint_auth_methods_supported")
	found.SecretInForm = err == nil && slices.Contains(methods, "client_secret_post") &&
		!slices.Contains(methods, "client_secret_basic")
	return found, nil
}

// Resource is what a server says of itself as RFC 9728 has it: where tokens for it come from.
type Resource struct {
	URL     string           // as asked for
	Issuers []string         // authorization servers
	Login   []identity.Offer // how its people sign in, if it says so
}

// DiscoverResource asks a server, by the URL that people know it by, whose tokens it takes. What it says of an audience
// would count for nothing: a token is for the server that was asked, or it would be one that this server can use at
// another.
func DiscoverResource(
	ctx context.Context,
	server, metadataPath, endpoint string,
	client *http.Client,
) (Resource, error) {
	r, err := newRemote(server, client) // the same rules: nothing in the clear, no redirects, bounded
	if err != nil {
		return Resource{}, fmt.Errorf("server %.200q: %w", server, err)
	}
	if strings.Trim(r.issuer.Path, "/") != "" {
		return Resource{}, fmt.Errorf("server %.200q: it must end after the host", server)
	}
	base := strings.TrimSuffix(r.text, "/")
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	found, err := r.resource(ctx, base+metadataPath+endpoint, base+endpoint)
	if err != nil {
		return Resource{}, fmt.Errorf("ask server %s where its people sign in: %w", base, err)
	}
	return found, nil
}

func (r *remote) resource(ctx context.Context, where, url string) (Resource, error) {
	body, err := r.get(ctx, where)
	if err != nil {
		return Resource{}, err
	}
	metadata, err := decodeClaims(body)
	if err != nil {
		return Resource{}, err
	}
	if named, err := metadata.text("resource"); err != nil || named != url {
		return Resource{}, fmt.Errorf("the document there is of another server: %.200q", named)
	}
	found := Resource{URL: url}
	if found.Issuers, err = metadata.list("authorization_servers"); err != nil {
		return Resource{}, errors.New("authorization_servers is not a list of URLs")
	}
	for _, issuer := range found.Issuers {
		other, err := newRemote(issuer, r.client)
		if err != nil {
			return Resource{}, fmt.Errorf("its authorization server %.200q: %w", issuer, err)
		}
		if host := other.issuer.Hostname(); internal(host) && host != r.issuer.Hostname() && !loopback(r.issuer.Hostname()) {
			return Resource{}, fmt.Errorf("its authorization server %.200q is at an internal address", issuer)
		}
	}
	if raw, ok := metadata["deputy_login"]; ok && json.Unmarshal(raw, &found.Login) != nil {
		return Resource{}, errors.New("deputy_login cannot be read")
	}
	for _, offer := range found.Login {
		var wrong identity.Problems
		identity.LoginConfig{
			ClientID:          offer.ClientID,
			Scopes:            offer.Scopes,
			RedirectPort:      offer.RedirectPort,
			AudienceParameter: offer.AudienceParameter,
		}.Check(
			"deputy_login",
			&wrong,
		)
		if err := wrong.Err(); err != nil || offer.ClientID == "" || !slices.Contains(found.Issuers, offer.Issuer) {
			return Resource{}, errors.New("deputy_login does not fit the rest of the document")
		}
	}
	return found, nil
}
