package matcher

import "deputy/identity"

// Contradict reports whether it is certain that no identity and no call can fulfil both.
func Contradict(a, b *Matcher) bool {
	for _, x := range a.Alternatives() {
		for _, y := range b.Alternatives() {
			if !impossible(append(x.consequences(false), y.consequences(false)...)) {
				return false
			}
		}
	}
	return true
}

// literal is a term that must hold, or must not.
type literal struct {
	Term
	not bool
}

// consequences are what must be the case when the matcher holds (or, with not, when it does not). It says less than it
// could where several ways are open, and never more.
func (m *Matcher) consequences(not bool) (out []literal) {
	parts, each := m.all, !not
	if m.any != nil {
		parts, each = m.any, not
	}
	switch {
	case m.not != nil:
		return m.not.consequences(!not)
	case parts == nil:
		return []literal{{m.term, not}}
	case each || len(parts) == 1:
		for i := range parts {
			out = append(out, parts[i].consequences(not)...)
		}
	}
	return out
}

// impossible reports whether the literals cannot all be the case at once.
func impossible(literals []literal) bool {
	for i, a := range literals {
		form := row(a.Word)
		if form.Alone && a.not {
			return true
		}
		for _, b := range literals[i+1:] {
			switch {
			case a.Term == b.Term && a.not != b.not,
				a.Word == b.Word && a.Name != b.Name && !a.not && !b.not && form.single,
				a.Word == b.Word && a.Name != b.Name && a.not && b.not && form.single && len(form.Names) == 2,
				a.builtin(identity.AllUsers) && b.builtin(identity.AllAgents),
				a.builtin(identity.AllAgents) && b.builtin(identity.AllUsers):
				return true
			}
		}
	}
	return false
}

func (l literal) builtin(group string) bool { return !l.not && l.Word == "group" && l.Name == group }
