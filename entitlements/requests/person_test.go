package requests

import (
	"testing"

	"deputy/identity"
)

// A domain can be written in many ways. All of them are the address of one human.
func TestOneDomainManySpellings(t *testing.T) {
	kim := identity.Person{ID: "a/1", Issuer: "a", Subject: "1", Email: "kim@example.com"}
	for _, written := range []string{
		"kim@example。com", "kim@example｡com", "kim@example.com.", "kim@EXAMPLE.com", "kim@exam\u00adple.com", "mailto:kim@example.com", "Kim <kim@example.com>",
	} {
		if !kim.Same(identity.Person{ID: "b/2", Issuer: "b", Subject: "2", Email: written}) {
			t.Errorf("an account with the address %q is another human's", written)
		}
		if !kim.Same(identity.Person{ID: "b/" + written, Issuer: "b", Subject: written}) {
			t.Errorf("an account with the subject %q is another human's", written)
		}
		if !(Asker{Agent: "bot", Owner: written}).Own(kim) {
			t.Errorf("what an agent of %q asked for is not their own", written)
		}
	}
	if (Asker{Agent: "bot"}).Own(identity.Person{ID: "a/1", Issuer: "a", Subject: "1"}) {
		t.Error("an agent without an owner is owned by an account without an address")
	}
	for _, other := range []string{"", "lee@example.com", "kim@example.org", "kim+a@example.com"} {
		if kim.Same(identity.Person{ID: "b/2", Issuer: "b", Subject: "2", Email: other}) ||
			(Asker{Agent: "bot", Owner: other}).Own(kim) {
			t.Errorf("%q is kim@example.com", other)
		}
	}
	ascii := identity.Person{ID: "b/2", Issuer: "b", Subject: "2", Email: "kim@xn--mnchen-3ya.example"}
	if !(identity.Person{ID: "a/1", Issuer: "a", Subject: "1", Email: "kim@münchen.example"}).Same(ascii) {
		t.Error("a domain in ASCII is another one")
	}
}
