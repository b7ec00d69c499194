package budget

import (
	"cmp"
	"slices"
)

// Parts of a budget.
const (
	// firstLeaves of the budget is what the first request of a caller leaves free, where it is as large as that.
	firstLeaves = 8
	// small is the part of the budget up to which a caller is one that asks for little.
	small = 64
	// passing is the part of the budget that those who ask for little have together, before others that wait.
	passing = 8
)

// next is the request to grant now; -1: none. Callers that hold least come first, and among them who came first.
//
// A caller leaves as much free as it holds, so that there is always room for another caller. What is too large for the
// room that is left keeps its place before those behind it; only those who ask for little pass it, as long as they have
// little together. b.mu is held.
func (b *Budget) next() int {
	order := make([]int, len(b.waiting))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(b.holds(x), b.holds(y)) })
	stuck := false
	for _, i := range order {
		switch more, holds := b.waiting[i].more, b.holds(i); {
		case b.used+more+b.leaves(holds, more) > b.size:
			// a caller over its share waits for itself, and is in the way of none
			stuck = stuck || holds == 0 || b.used+more > b.size
		case !stuck, b.passes(holds, more):
			return i
		}
	}
	return -1
}

// leaves is how much a caller that holds so much leaves free when it is given more.
func (b *Budget) leaves(holds, more int64) int64 {
	if holds == 0 {
		return min(more, b.size/firstLeaves)
	}
	return holds + more
}

// passes reports whether a caller that holds so much and is given more comes before those who wait for much.
func (b *Budget) passes(holds, more int64) bool {
	together := more
	for _, held := range b.held {
		if held <= b.size/small {
			together += held
		}
	}
	return holds+more <= b.size/small && together <= b.size/passing
}

func (b *Budget) holds(i int) int64 { return b.held[b.waiting[i].account.caller] }
