package tools

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/tools/platforms"
)

// Choices are the names of the platforms on which the caller may see or ask for something: those that the argument
// platform may have. Other platforms are not there for the caller. What the caller sees only for a purpose counts too:
// no call has declared one yet.
func (t *Tools) Choices(ctx context.Context, call Call) (names []string) {
	for _, p := range t.platforms {
		if slices.ContainsFunc(
			t.purposes(call.Principal),
			func(who identity.Principal) bool { return t.sees(ctx, p, who) },
		) {
			names = append(names, p.Name)
		}
	}
	return names
}

// purposes are the principal as it may declare itself, with each purpose.
func (t *Tools) purposes(who identity.Principal) []identity.Principal {
	out := []identity.Principal{who}
	for _, purpose := range slices.Sorted(maps.Keys(t.config.Purposes)) {
		who.Purpose = purpose
		out = append(out, who)
	}
	return out
}

// chosen is the platform that a caller means. One on which the caller sees nothing is answered as one that is not
// there. Where there is a single platform it need not be named, and what the caller does not see there is not there
// either.
func (t *Tools) chosen(ctx context.Context, call Call, name string) (*platform, error) {
	if name == "" && len(t.platforms) == 1 {
		return t.platforms[0], nil
	}
	if p, err := t.platform(name); err == nil && t.sees(ctx, p, call.Principal) {
		return p, nil
	}
	names := t.Choices(ctx, call)
	switch {
	case len(names) == 0:
		return nil, &Error{
			Code:    NotPermitted,
			Message: "there is no platform of that name on which you may see anything, or it cannot be reached now",
		}
	case len(names) == 1 && name == "":
		return t.platform(names[0])
	case name != "" && platforms.AnyClosed(t.Held()): // said whether the name is one of them or none at all
		return nil, &Error{
			Code:    Unavailable,
			Message: fmt.Sprintf("no platform of that name can be asked now; those that can be are %q", names),
		}
	}
	return nil, &Error{
		Code:    InvalidArgument,
		Message: fmt.Sprintf("say which platform to ask: one of %q", names),
	}
}

// sees reports whether the principal may see or ask for anything on the platform. What was decided with last is asked
// first: it costs no database anything. A platform that cannot be asked shows what it showed last.
func (t *Tools) sees(ctx context.Context, p *platform, who identity.Principal) bool {
	if last := p.Last(); last != nil {
		both := entitlements.Both{InForce: last.Entitlements}
		if t.waiting != nil {
			w, err := t.waiting.entitlements(p)
			if err != nil {
				return false
			}
			both.Waiting = w.Entitlements
		}
		if both.Sees(who) {
			return true
		}
	}
	now, err := t.policies(ctx, p, who)
	return err == nil && now.Sees(who)
}

// named is a platform's name as the record may have it: what a caller made up is short and can be printed.
func (t *Tools) named(platform string) string {
	if _, err := t.platform(platform); err == nil {
		return platform
	}
	const longest = 64
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return -1
	}, recordable(platform))
	if runes := []rune(printable); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return printable
}
