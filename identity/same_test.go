package identity

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func account(subject, email string) User {
	return User{
		Identity: Identity{Kind: KindUser, ID: "corp/" + subject},
		Issuer:   "https://idp.example",
		Subject:  subject,
		Email:    email,
	}
}

// One address is written in many ways, by issuers and by administrators.
func TestOneAddressManySpellings(t *testing.T) {
	for _, written := range []string{
		"kim@example.com", "KIM@EXAMPLE.COM", " kim@example.com\t", "kim@example.com.", "kim@example。com", "kim@example．com", "kim@example｡com",
		"kim@example.com。", "kim＠example.com", "ｋｉｍ@ｅｘａｍｐｌｅ.com", "kim@exam\u00adple.com", "k\u200bim@example.com", "kim@\ufeffexample.com",
		"kim@example\u2060.com", "kim\u200d@example.com", "kim\ufe0f@example.com", "ki\u034fm@example.com",
		"mailto:kim@example.com", "MAILTO:Kim@example.com?subject=x", "mailto:kim%40example.com", "SMTP:kim@example.com", "acct:kim@example.com",
		"Kim <kim@example.com>", `"Lee, Kim" <kim@example.com>`, "<kim@example.com>", "Kim <mailto:kim@example.com>", "Kim ＜kim@example.com＞",
		`"kim"@example.com`, `"k\im"@example.com`, "kim(work)@example.com", "kim@(work)example.com", "kim @ example.com", "kim@ℯxample.com",
	} {
		one, other := account("1", "kim@example.com"), account("2", written)
		if !one.Same(other) || !other.Same(one) {
			t.Errorf("%q is another human's than kim@example.com: %q", written, spelled(written))
		}
		if !one.Named(written) {
			t.Errorf("%q does not name kim@example.com", written)
		}
	}
	for domain, ascii := range map[string]string{
		"münchen.example": "xn--mnchen-3ya.example", "MU\u0308NCHEN.example": "XN--MNCHEN-3YA.EXAMPLE.", "straße.example": "xn--strae-oqa.example",
		"日本語。example": "xn--wgv71a119e.example", "ａ.example": "a.example",
	} {
		if !account("1", "kim@"+domain).Same(account("2", "kim@"+ascii)) {
			t.Errorf("%s is another domain than %s: %q, %q", domain, ascii, spelled("kim@"+domain), spelled("kim@"+ascii))
		}
	}
}

// What only looks alike, or what one mail provider delivers to one mailbox, stays another human's.
func TestOtherAddressesStayOthers(t *testing.T) {
	for _, other := range []string{
		"", "kim", "kim@", "@example.com", "kim+a@example.com", "k.im@example.com", "kim@example.org", "kim@mail.example.com", "kim@example.com.org",
		"kin@example.com", "kim@examp1e.com", "kim@xn--exmple-cua.com", "kim@ex\u0430mple.com", "kim@example", "kim@example.com@example.org",
		"Kim <lee@example.com>", "kim@example.com <lee@example.com>", "mailto:lee@example.com?cc=kim@example.com", "lee@example.com(kim@example.com)",
	} {
		if account("1", "kim@example.com").Same(account("2", other)) {
			t.Errorf("%q is kim@example.com", other)
		}
	}
	if account("1", "").Same(account("2", "")) {
		t.Error("two accounts without an address are one human's")
	}
}

// An address counts wherever it stands, an id by itself at its own issuer only.
func TestSameAccounts(t *testing.T) {
	kim := account("1", "kim@example.com")
	at := func(issuer, subject, id, email string) User {
		return User{Identity: Identity{Kind: KindUser, ID: id}, Issuer: issuer, Subject: subject, Email: email}
	}
	for _, tt := range []struct {
		name  string
		other User
		same  bool
	}{
		{"the account", at("https://idp.example", "1", "1", ""), true},
		{"the issuer with a slash", at("https://IDP.example/", "1", "1", ""), true},
		{"the issuer with its port", at("https://idp.example:443", "1", "x", ""), true},
		{"another issuer's subject", at("https://other.example", "1", "other/1", ""), false},
		{"another path of the issuer", at("https://idp.example/b", "1", "b/1", ""), false},
		{"the id at another issuer", at("https://other.example", "9", "corp/1", ""), true},
		{"the id in capitals", at("https://other.example", "9", "CORP/1", ""), true},
		{"an address as id", at("https://other.example", "9", "Kim@Example.com", ""), true},
		{"an address as subject", at("https://other.example", "kim@example.com", "other/kim@example.com", ""), true},
		{"another human", at("https://idp.example", "2", "corp/2", "lee@example.com"), false},
	} {
		if kim.Same(tt.other) != tt.same || tt.other.Same(kim) != tt.same {
			t.Errorf("%s: the same: %t", tt.name, !tt.same)
		}
	}
}

// genSpelling draws another way to write an address whose parts are lower-case ASCII.
func genSpelling(t *rapid.T, local, domain string) string {
	noisy := func(part, label string) string {
		var b strings.Builder
		for i, r := range part {
			key := fmt.Sprint(label, i)
			switch rapid.IntRange(0, 9).Draw(t, key) {
			case 0:
				b.WriteString(
					rapid.SampledFrom([]string{"\u00ad", "\u200b", "\u2060", "\ufeff", "\u180e", "\ufe0f", "\u034f"}).
						Draw(t, key+" unseen"),
				)
				b.WriteRune(r)
			case 1:
				b.WriteString(strings.ToUpper(string(r)))
			case 2:
				b.WriteRune(r - '!' + '！') // the full-width form
			case 3:
				if r == '.' {
					r = rapid.SampledFrom([]rune(".。．｡﹒")).Draw(t, key+" dot")
				}
				b.WriteRune(r)
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	local = noisy(local, "local")
	if rapid.Bool().Draw(t, "quoted") {
		local = `"` + local + `"`
	}
	address := local + rapid.SampledFrom([]string{"@", "＠", " @ ", "@(work)"}).Draw(t, "at") + noisy(domain, "domain") +
		rapid.SampledFrom([]string{"", ".", "。", " "}).Draw(t, "end")
	return fmt.Sprintf(
		rapid.SampledFrom([]string{"%s", " %s", "mailto:%s", "Kim <%s>", "＜%s＞", "SMTP:%s"}).Draw(t, "form"),
		address,
	)
}

func TestSpellingsProperty(t *testing.T) {
	part := rapid.StringMatching(`[a-z0-9]{1,8}([.-][a-z0-9]{1,8})?`)
	rapid.Check(t, func(t *rapid.T) {
		local, domain := part.Draw(t, "local"), part.Draw(t, "host")+".example"
		kim := account("1", local+"@"+domain)
		written := genSpelling(t, local, domain)
		if !kim.Same(account("2", written)) || !kim.Named(written) {
			t.Fatalf("%q is another human's than %s: %q", written, kim.Email, spelled(written))
		}
		if once := spelled(written); spelled(once) != once {
			t.Fatalf("%q is spelled %q, and that %q", written, once, spelled(once))
		}
		other := part.Draw(t, "other local") + "@" + part.Draw(t, "other host") + ".example"
		if kim.Same(account("2", other)) != (other == kim.Email) {
			t.Fatalf("%s and %s: the same is not what it should be", kim.Email, other)
		}
	})
}
