package identity

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Names of people, groups and values are compared in two ways. What gives something (a grant, an exception, approvers,
// acts_for, groups and attributes from the configuration) compares them byte by byte. What takes something away (a
// disabled user, one's own request, an approval that counts twice, the owner of an agent, a not, the for of a mask or
// filter, a rule that denies) uses Same, Named and Alike: when in doubt, two names are one.

// Same reports whether two accounts are the same human, as far as their names tell: by the account, by the id that
// policies know them by, or by an e-mail address, wherever it stands. It is for taking away only.
func (u User) Same(other User) bool {
	if u.Subject == other.Subject && u.Of(other.Issuer) {
		return true
	}
	return slices.ContainsFunc(other.names(), u.Named)
}

// Of reports whether an issuer's URL written by hand may be that of the user's account. It is for taking away only.
func (u User) Of(issuer string) bool { return spelledIssuer(u.Issuer) == spelledIssuer(issuer) }

// Alike reports whether two ids, groups or values may be meant to be one. It is for taking away only.
func Alike(a, b string) bool {
	if a == b {
		return true
	}
	if isPlainName(a) && isPlainName(b) { // most are: only the case of letters differs
		return len(a) == len(b) && strings.EqualFold(a, b)
	}
	return spelled(a) == spelled(b)
}

// Named reports whether a name written by hand, an id or an e-mail address, may be the user's. It is for taking away
// only.
func (u User) Named(name string) bool {
	name = spelled(name)
	return name != "" && slices.ContainsFunc(u.names(), func(own string) bool { return spelled(own) == name })
}

// names are what the user may be called by. A subject alone names a human at one issuer only, unless it is an address.
func (u User) names() []string {
	names := []string{u.ID, u.Email}
	if strings.Contains(spelled(u.Subject), "@") {
		names = append(names, u.Subject)
	}
	return names
}

// spelled is the one spelling of an id or an e-mail address: letters as people read them, without characters that do
// not show, and of an address what stands between its angle brackets, without comments, quotes and the other spellings
// of its domain.
//
// What a mail provider makes of a local part stays: kim+a@ and k.im@ are other addresses than kim@, because only some
// providers deliver them to one mailbox. So do letters of other scripts that look alike.
func spelled(name string) string {
	written := name
	if name = strings.TrimSpace(readable(name)); name == "" {
		return written // of characters that do not show alone
	}
	if !strings.Contains(name, "@") && !strings.HasPrefix(name, "mailto:") {
		return name
	}
	if from, to := strings.LastIndex(name, "<"), strings.LastIndex(name, ">"); 0 <= from && from < to {
		name = name[from+1 : to]
	}
	name = strings.TrimSpace(name)
	for _, scheme := range []string{"mailto:", "smtp:", "acct:"} {
		if rest, ok := strings.CutPrefix(name, scheme); ok {
			name, _, _ = strings.Cut(rest, "?")
			if plain, err := url.PathUnescape(name); err == nil {
				name = readable(plain)
			}
		}
	}
	name = addressNoise.Replace(withoutComments(strings.Join(strings.Fields(name), "")))
	at := strings.LastIndex(name, "@")
	if at < 1 || at == len(name)-1 {
		return name
	}
	return name[:at] + "@" + spelledDomain(name[at+1:])
}

// addressNoise is what quotes characters of a local part, and changes no address.
var addressNoise = strings.NewReplacer(`"`, "", `\`, "")

// withoutComments leaves out what stands in round brackets.
func withoutComments(address string) string {
	depth := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '(':
			depth++
			return -1
		case r == ')' && depth > 0:
			depth--
			return -1
		case depth > 0:
			return -1
		}
		return r
	}, address)
}

// mapping is UTS 46 without its checks: what is no valid domain is compared too.
var mapping = idna.New(
	idna.MapForLookup(),
	idna.StrictDomainName(false),
	idna.ValidateLabels(false),
	idna.CheckHyphens(false),
	idna.CheckJoiners(false),
	idna.VerifyDNSLength(false),
	idna.Transitional(false),
)

// spelledDomain is a domain in Unicode, mapped as UTS 46 says, without the dot of its root. A label may decode to
// another encoded one.
func spelledDomain(domain string) string {
	for range 3 {
		mapped, _ := mapping.ToUnicode(domain) // with an error too: as far as it can be mapped
		next := strings.Trim(readable(mapped), ".")
		if next == domain {
			break
		}
		domain = next
	}
	return domain
}

// spelledIssuer is an issuer's URL without what two configurations of one issuer differ in.
func spelledIssuer(issuer string) string {
	issuer = readable(issuer)
	issuer = strings.TrimPrefix(strings.TrimPrefix(issuer, "https://"), "http://")
	host, path, _ := strings.Cut(issuer, "/")
	host = strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
	return spelledDomain(host) + "/" + strings.Trim(path, "/")
}

// readable is a text in which characters that look the same by definition are the same (NFKC and case folding), without
// those that do not show at all.
func readable(text string) string {
	if isPlain(text) {
		return strings.ToLower(text)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
			unicode.Is(unicode.Variation_Selector, r) ||
			unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	// U+3002, as in domains
	return strings.ReplaceAll(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text))), "。", ".")
}

// isPlain reports whether a text consists of printable ASCII alone.
func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// isPlainName is the same for a text without an @ and without spaces around it.
func isPlainName(text string) bool {
	if strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") {
		return false
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' || text[i] == '@' {
			return false
		}
	}
	return true
}
