package entitlements

import "deputy/identity"

// Person is a human as a request remembers one: key (Issuer, Subject). Name and Email are for people to read; Email
// also tells that two accounts are one person's.
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

// Same reports whether two accounts are the same human: see identity.User.Same. It keeps people from deciding twice,
// and gives nothing.
func (p Person) Same(other Person) bool { return p.user().Same(other.user()) }

// named reports whether the name of an agent's owner, an id or an e-mail address, may be the person's.
func (p Person) named(name string) bool { return p.user().Named(name) }

func (p Person) user() identity.User {
	return identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: p.ID},
		Issuer:   p.Issuer,
		Subject:  p.Subject,
		Name:     p.Name,
		Email:    p.Email,
	}
}

// account reports whether it is one account, and not only one human. Without a subject there is none but by the id.
func (p Person) account(u *identity.User) bool {
	return p.Issuer == u.Issuer && p.Subject == u.Subject && (p.Subject != "" || p.ID == u.ID)
}
