package budget

import "slices"

// breakStandstill refuses one request when waiting would be in vain: each call that could give something back waits for
// more itself. Without that, calls that hold a part of what they need keep everyone waiting until their time is over.
// The refused call is one of the caller that holds most, the last that came. It reports whether it has refused one.
// b.mu is held.
func (b *Budget) breakStandstill() bool {
	if !b.standsStill() {
		return false
	}
	last := -1
	for i, r := range b.waiting {
		if r.account.held > 0 && (last < 0 || b.holds(i) >= b.holds(last)) {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	r := b.waiting[last]
	b.waiting = slices.Delete(b.waiting, last, last+1)
	b.refused++
	r.err = ErrBusy
	close(r.granted)
	return true
}

// standsStill reports whether no request would be granted even if each call that does not wait gave everything back.
// b.mu is held.
func (b *Budget) standsStill() bool {
	if len(b.waiting) == 0 {
		return false
	}
	waits := map[*Account]bool{}
	for _, r := range b.waiting {
		waits[r.account] = true
	}
	used, held := b.used, b.held
	defer func() { b.used, b.held = used, held }()
	b.held = map[string]int64{}
	for a := range b.holders {
		if waits[a] {
			b.held[a.caller] += a.held
		} else {
			b.used -= a.held
		}
	}
	return b.next() < 0
}
