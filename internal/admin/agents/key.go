package agents

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"deputy/identity"
	"deputy/internal/admin"
)

// Key is a new key of an agent, and what the configuration is to say of it.
type Key struct {
	Agent, Label string
	Secret       string
	SHA256       string
	Expires      time.Time // zero: never
}

// NewKey makes a key. expires is how long from now it is good, or until when; empty: for ever.
func NewKey(agent, label, expires string, now time.Time) (k Key, err error) {
	k = Key{Agent: agent, Label: label}
	if k.Expires, err = expiry(expires, now); err != nil {
		return k, admin.Usagef("--expires: %w", err)
	}
	k.Secret, k.SHA256 = identity.NewKey(rand.Reader)
	_, err = identity.NewRegistry([]identity.AgentConfig{
		{Name: agent, Keys: []identity.KeyConfig{{SHA256: k.SHA256, Label: label}}},
	})
	if wrong, ok := errors.AsType[*identity.ConfigError](err); ok { // the name and the label are all that can be
		return k, admin.Usage(errors.New(wrong.Problems[0].Message))
	}
	return k, nil
}

// expiry reads how long from now, or until when.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var e identity.Expiry
	if e.UnmarshalText([]byte(text)) != nil {
		ago, err := admin.Moment(text, now) // it reads the same words, backwards
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time: write 90d, 24h, 2027-02-23 or 2027-02-23T10:00:00Z", text)
		}
		e.Time = now.Add(now.Sub(ago))
	}
	if e.Passed(now) {
		return time.Time{}, fmt.Errorf("%s is over", text)
	}
	return e.UTC().Truncate(time.Second), nil
}
