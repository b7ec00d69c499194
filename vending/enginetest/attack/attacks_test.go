package attack_test

import (
	"testing"

	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
)

func TestAttacksAreManyAndDistinct(t *testing.T) {
	names := map[string]bool{}
	for _, a := range attack.All() {
		name := a.Family + "/" + a.Name
		if names[name] || a.SQL == "" {
			t.Errorf("the attack %s is there twice, or empty", name)
		}
		names[name] = true
		if secret, found := dataset.Revealed(a.SQL); found {
			t.Errorf(
				"the attack %s has the secret %q in its own text, so an error that repeats the text looks like a leak",
				name,
				secret,
			)
		}
	}
	if len(names) < 60 {
		t.Errorf("there are only %d attacks", len(names))
	}
}
