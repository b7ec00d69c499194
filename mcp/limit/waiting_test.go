package limit

import (
	"reflect"
	"testing"
)

func TestWhoHasWaitedLongestMakesRoom(t *testing.T) {
	w := newWaiting()
	var gone []string
	enter := func(user, name string) *waiter {
		return w.enter(callerKey{subject: user}, 2, 4, func() { gone = append(gone, name) })
	}
	enter("bob", "bob's first")
	first := enter("ann", "ann's first")
	second := enter("ann", "ann's second")
	enter("ann", "ann's third")
	if want := []string{"ann's first"}; !reflect.DeepEqual(gone, want) {
		t.Fatalf("with ann's share full, %q are given up", gone)
	}
	enter("cid", "cid's first")
	enter("dot", "dot's first")
	if want := []string{"ann's first", "bob's first"}; !reflect.DeepEqual(gone, want) {
		t.Fatalf("with all full, %q are given up", gone)
	}
	if w.leave(first) || !w.leave(second) || !w.leave(nil) {
		t.Error("who was given up should hear of it, and nobody else")
	}
	enter("bob", "bob's second")
	if len(gone) != 2 || len(w.all) != 4 || len(w.each) != 4 {
		t.Errorf("with room again, %q are given up, and %d wait", gone, len(w.all))
	}
}
