// Package stops is the list of the agents and users that an administrator has stopped. It is a file of its own beside
// the configuration, so that a stop is in force whatever the configuration is like, and is looked at before every
// call.
package stops

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"deputy/identity"
)

// File is the name of the list, in the folder of the configuration.
const File = "deputy.stops"

// Stop is one entry of the list: an agent, or a user.
type Stop struct {
	Agent string `json:"agent,omitempty"` // the name of an agent; empty: it is a user
	// the id of a user as policies write it, the subject of their tokens, or their e-mail address
	User string `json:"user,omitempty"`
	// Issuer limits a user to the accounts of one issuer. Empty: a user who is called so at any issuer is stopped.
	Issuer string    `json:"issuer,omitempty"`
	By     string    `json:"by,omitempty"` // who stopped it
	At     time.Time `json:"at,omitzero"`
	Why    string    `json:"why,omitempty"`
}

func (s Stop) String() string {
	switch {
	case s.Agent != "":
		return "agent " + s.Agent
	case s.Issuer != "":
		return "user " + s.User + " of " + s.Issuer
	}
	return "user " + s.User
}

// Covers reports whether a principal is stopped by the entry. When in doubt it is: two names that people read alike
// are one.
func (s Stop) Covers(p identity.Principal) bool {
	if s.Agent != "" {
		return p.Agent.ID != "" && called(p.Agent.ID, s.Agent)
	}
	if p.User == nil {
		return false
	}
	if s.Issuer != "" && !p.User.Of(s.Issuer) {
		return p.User.Same(identity.User{Issuer: s.Issuer, Subject: s.User}) // one address is one person at any issuer
	}
	return p.User.Named(s.User) || called(p.User.Subject, s.User)
}

// Names reports whether another entry, as an administrator writes it, is about the same party. An issuer that is not
// written is any.
func (s Stop) Names(other Stop) bool {
	if s.Agent != "" || other.Agent != "" {
		return called(s.Agent, other.Agent)
	}
	return called(s.User, other.User) && (s.Issuer == "" || called(s.Issuer, other.Issuer))
}

// called compares two ids as identity compares the names of one human.
func called(id, name string) bool {
	return id != "" && identity.User{Identity: identity.Identity{ID: id}}.Named(name)
}

// longest is the size of the longest text in an entry, in bytes.
const longest = 1000

// check says what is wrong with an entry, in a file or of a command.
func (s Stop) check() error {
	switch {
	case (s.Agent == "") == (s.User == ""):
		return errors.New("an entry names one agent or one user")
	case s.Agent != "" && s.Issuer != "":
		return errors.New("an agent has no issuer")
	}
	for name, text := range map[string]string{"agent": s.Agent, "user": s.User, "issuer": s.Issuer, "by": s.By,
		"why": s.Why} {
		switch {
		case len(text) > longest:
			return fmt.Errorf("%s is longer than %d bytes", name, longest)
		case text != strings.TrimSpace(text), strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
			return fmt.Errorf("%s is no line of text: it has space around it, or characters in it that cannot be printed", name)
		}
	}
	return nil
}
