package identity

// Person is a human as others remember one: by their account, which is (Issuer, Subject). Name and Email are for people
// to read; Email also tells that two accounts are one person's. It is the one shape in which a human is kept and shown.
type Person struct {
	ID      string `json:"id"`
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
}

// Person is what is remembered of the verified user.
func (u User) Person() Person {
	return Person{ID: u.ID, Issuer: u.Issuer, Subject: u.Subject, Name: u.Name, Email: u.Email}
}

// Account reports whether it is one account, and not only one human. An account without a subject is known by its id
// alone.
func (p Person) Account(u *User) bool {
	return p.Issuer == u.Issuer && p.Subject == u.Subject && (p.Subject != "" || p.ID == u.ID)
}

// Same reports whether two accounts are the same human: see User.Same. It keeps people from deciding twice, and gives
// nothing.
func (p Person) Same(other Person) bool { return p.user().Same(other.user()) }

// Named reports whether the name of an agent's owner, an id or an e-mail address, may be the person's.
func (p Person) Named(name string) bool { return p.user().Named(name) }

func (p Person) user() User {
	return User{
		Identity: Identity{Kind: KindUser, ID: p.ID},
		Issuer:   p.Issuer,
		Subject:  p.Subject,
		Name:     p.Name,
		Email:    p.Email,
	}
}
