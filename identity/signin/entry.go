package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"deputy/identity"
)

// entry is a sign-in as it is kept: all that is needed to go on with it, whatever the configuration says by then. It
// prints as nothing, so that it cannot be logged by mistake.
type entry struct {
	Server            string                     `json:"server"`
	Issuer            string                     `json:"issuer"`
	Audience          string                     `json:"audience"`
	ClientID          string                     `json:"client_id"`
	ClientSecret      string                     `json:"client_secret,omitempty"`
	Scopes            []string                   `json:"scopes"`
	AudienceParameter identity.AudienceParameter `json:"audience_parameter"`
	Command           string                     `json:"command"`

	Subject      string    `json:"subject"` // of the human; another one's token is never kept in its place
	Obtained     time.Time `json:"obtained"`
	Expires      time.Time `json:"expires"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token,omitempty"`
}

func (entry) String() string   { return "sign-in" }
func (entry) GoString() string { return "signin.entry{}" }

func newEntry(t Target, got *oauth2.Token, who identity.SignedIn, now time.Time) entry {
	if who.Expires.IsZero() {
		who.Expires = now.Add(unsaid)
	}
	return entry{
		Server: t.Server, Issuer: t.Issuer, Audience: t.Audience, Command: t.Command,
		ClientID: t.Login.ClientID, ClientSecret: string(t.Login.ClientSecret), Scopes: t.Login.Scopes,
		AudienceParameter: t.Login.AudienceParameter, Subject: who.User.Subject, Obtained: now, Expires: who.Expires,
		AccessToken: got.AccessToken, RefreshToken: got.RefreshToken,
	}
}

// target is what was signed in for. Whoever needs its tokens verified says how.
func (e entry) target() Target {
	return Target{
		Server: e.Server, Issuer: e.Issuer, Audience: e.Audience, Command: e.Command,
		Login: identity.LoginConfig{
			ClientID:          e.ClientID,
			ClientSecret:      identity.Secret(e.ClientSecret),
			Scopes:            e.Scopes,
			AudienceParameter: e.AudienceParameter,
		},
	}
}

// fresh reports whether the token is good for a while: a minute, or a fifth of the life of one that lives shortly.
func (e entry) fresh(now time.Time) bool {
	margin := min(time.Minute, e.Expires.Sub(e.Obtained)/5)
	return now.Before(e.Expires.Add(-margin))
}

// unsaid is how long a token is taken to be good when neither it nor its issuer says.
const unsaid = 5 * time.Minute

// fileName is one per issuer and audience.
func fileName(issuer, audience string) string {
	sum := sha256.Sum256([]byte(issuer + "\n" + audience))
	return filePrefix + hex.EncodeToString(sum[:16]) + fileSuffix
}

const (
	filePrefix = "sign-in-"
	fileSuffix = ".json"
)

// parseEntry reads a kept sign-in. Its errors hold nothing of it.
func parseEntry(content []byte) (entry, error) {
	var e entry
	if json.Unmarshal(content, &e) != nil || e.Issuer == "" || e.Audience == "" || e.ClientID == "" ||
		e.AccessToken == "" ||
		e.Subject == "" {
		return entry{}, errors.New("it is not a sign-in")
	}
	return e, nil
}
