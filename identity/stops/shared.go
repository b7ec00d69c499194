package stops

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"deputy/identity"
)

// Beside is a second list of stops, which all servers of a fleet share: see package fleet. A party is stopped when
// either list stops it.
type Beside interface {
	// Now is what this server knows of the list. It is asked before every call, and waits for nothing.
	Now() Shared
}

// Shared is what a server knows of the list that it shares with others. The zero value: it shares none.
type Shared struct {
	Stops []Stop
	Hash  string        // Of the list's content, without a name in it; empty: there is no such list.
	Age   time.Duration // Since the list was read; longer than a few seconds: it is out of reach.
	Err   error         // Why every call is refused, in a sentence that callers may read; nil: none is for that.
	Late  bool          // The list could not be read when it was last tried.
	// Uncopied reports that this server could not copy the list to its disk.
	Uncopied bool
}

// Closed is the name of a shared list for whose sake every call is refused.
const Closed = "closed"

// Name is what /readyz calls the shared list: its hash, or Closed; empty: there is none.
func (s Shared) Name() string {
	if s.Err != nil {
		return Closed
	}
	return s.Hash
}

// Notice says, behind what else is said of a server, what is wrong with the shared list while calls go on; empty:
// nothing is.
func (s Shared) Notice() (out string) {
	if s.Late {
		out = fmt.Sprintf("; the list of stops that the servers share cannot be read, and is %s old: "+
			"it goes on until it is stale, and then every call is refused", s.Age.Round(time.Second))
	}
	if s.Uncopied {
		out += "; the list of stops that the servers share cannot be copied to this server's disk"
	}
	return out
}

// differs reports whether another list is in force than before.
func (s Shared) differs(before Shared) bool {
	return s.Name() != before.Name() || text(s.Err) != text(before.Err)
}

// refuses says that the list is not known well enough for a call to begin.
func (s Shared) refuses(p identity.Principal) *identity.AuthError {
	if s.Err == nil {
		return nil
	}
	return &identity.AuthError{Code: identity.Unavailable, Cause: identity.ErrStopped, Who: &p, Message: s.Err.Error()}
}

// HashOf names the content of a shared list by the ids of its entries, which are random: no party can be told from it.
func HashOf(ids []string) string {
	if len(ids) == 0 {
		return none
	}
	text, _ := json.Marshal(slices.Sorted(slices.Values(ids))) // texts can always be encoded
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Encode is one entry as it is kept in a shared list.
func (s Stop) Encode() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	text, err := json.Marshal(s)
	return string(text), err
}

// Decode reads one entry as Encode wrote it, strictly: what is not understood could be a stop.
func Decode(text []byte) (s Stop, err error) {
	err = members(text, map[string]any{"agent": &s.Agent, "user": &s.User, "issuer": &s.Issuer, "by": &s.By,
		"at": &s.At, "why": &s.Why})
	if err == nil {
		err = s.check()
	}
	return s, err
}
