// Package scan proposes tags for columns that look personal or secret: by what they are called, by their types, and by
// how many of their values look like something. It never sees a value.
package scan

import (
	"regexp"
	"slices"
	"strings"

	"deputy/entitlements"
)

// The tags that are proposed.
const (
	Email      = "PII.Email"
	Phone      = "PII.Phone"
	SSN        = "PII.SSN"
	IBAN       = "PII.IBAN"
	CreditCard = "PII.CreditCard"
	Name       = "PII.Name"
	BirthDate  = "PII.BirthDate"
	Address    = "PII.Address"
	IP         = "PII.IP"
	Secret     = "Secret"
)

// called are the words that give a column away. They stand in its name, words being parted by _; the first that fits
// counts.
var called = []struct {
	tag   string
	words *regexp.Regexp
}{
	{
		Secret,
		inName(
			"password",
			"passwd",
			"pwd",
			"passphrase",
			"passcode",
			"secret",
			"token",
			"hash",
			"salt",
			"api_?key",
			"private_?key",
			"access_?key",
			"signing_?key",
			"credentials?",
			"otp",
			"cvv",
			"cvc",
		),
	},
	{Email, inName("e_?mails?", "mail", "e_?mail_?addr(ess)?", "mail_?addr(ess)?")},
	{IP, inName("ip", "ip_?addr(ess)?", "ipv[46]", "remote_?addr", "client_?addr")},
	{SSN, inName("ssn", "social_?security(_?(no|number|num))?")},
	{IBAN, inName("iban")},
	{CreditCard, inName("credit_?card", "card_?(no|num|number)", "cc_?(no|num|number)", "creditcard_?number")},
	{
		Phone,
		inName(
			"phones?",
			"telephone",
			"tel",
			"mobile",
			"cell_?phone",
			"cell",
			"fax",
			"phone_?(no|num|number)",
			"mobile_?(no|num|number)",
		),
	},
	{BirthDate, inName("dob", "birth_?da(y|te)", "date_?of_?birth", "born", "born_?on")},
	{
		Name,
		inName(
			"(last|first|middle|full|given|family|maiden|nick|display|user|sur|person|patient|customer|employee|contact|holder|owner)_?name",
			"lname",
			"fname",
		),
	},
	{
		Address,
		inName(
			"addr(ess)?(_?(line)?_?[0-9])?",
			"street",
			"street_?(no|num|number|name)",
			"zip",
			"zip_?code",
			"post_?code",
			"postal_?code",
			"house_?(no|num|number)",
		),
	},
}

func inName(words ...string) *regexp.Regexp {
	return regexp.MustCompile(`(^|_)(` + strings.Join(words, "|") + `)[0-9]*(_|$)`)
}

var (
	hump   = regexp.MustCompile(`([\p{Ll}0-9])(\p{Lu})`)
	others = regexp.MustCompile(`[^\pL\pN]+`)
	people = inName(
		"people",
		"persons?",
		"customers?",
		"users?",
		"employees?",
		"patients?",
		"contacts?",
		"members?",
		"staff",
		"students?",
		"clients?",
		"leads?",
		"applicants?",
		"accounts?",
		"guests?",
	)
)

// words writes a name in small letters with _ between its words: lastName and LAST NAME are last_name.
func words(name string) string {
	return strings.ToLower(others.ReplaceAllString(hump.ReplaceAllString(name, "${1}_$2"), "_"))
}

// ByName is the tag that the name and type of a column suggest; empty: none.
func ByName(table entitlements.TableName, c entitlements.Column) string {
	if c.Type == "inet" || c.Type == "cidr" {
		return IP
	}
	name, tag := words(c.Name), ""
	for _, rule := range called {
		if rule.words.MatchString(name) {
			tag = rule.tag
			break
		}
	}
	if tag == "" && name == "name" && people.MatchString(words(table.Name)) {
		tag = Name
	}
	// email_verified, address_count, email_sent_at
	if fits, limited := fitting[c.Kind]; limited && !slices.Contains(fits, tag) {
		return ""
	}
	return tag
}

// fitting are the tags that a name can suggest for columns that hold no text.
var fitting = map[entitlements.Kind][]string{
	entitlements.Boolean: {},
	entitlements.Number:  {Phone, SSN, CreditCard, Address, Secret},
	entitlements.Date:    {BirthDate},
	entitlements.Time:    {BirthDate},
}
