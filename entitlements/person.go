package entitlements

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"deputy/identity"
)

// Person is a human as a request remembers one: key (Issuer, Subject). Name and Email are for people to read; Email also tells that
// two accounts are one person's.
type Person struct {
	ID      string `json:"id"`
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
}

// PersonOf is what is remembered of a verified user.
func PersonOf(u identity.User) Person {
	return Person{ID: u.ID, Issuer: u.Issuer, Subject: u.Subject, Name: u.Name, Email: u.Email}
}

// Same reports whether two accounts are the same human, as far as one can tell: by the account, by the id that policies know them by,
// or by the e-mail address. When in doubt they are: it keeps people from deciding twice, and opens nothing to anybody.
func (p Person) Same(other Person) bool {
	return p.Issuer == other.Issuer && p.Subject == other.Subject || p.ID != "" && p.ID == other.ID || sameAddress(p.Email, other.Email)
}

// account reports whether it is one account, and not only one human. Without a subject there is none but by the id.
func (p Person) account(u *identity.User) bool {
	return p.Issuer == u.Issuer && p.Subject == u.Subject && (p.Subject != "" || p.ID == u.ID)
}

// sameAddress compares e-mail addresses (or ids that are written by hand) as people read them: whatever their case, and however their
// characters are composed. Issuers write the same address in more than one way.
func sameAddress(a, b string) bool {
	a, b = readable(a), readable(b)
	return a != "" && a == b
}

func readable(address string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(address))))
}
