package platforms

import (
	"slices"
	"sync"

	"deputy/entitlements"
	"deputy/entitlements/requests"
)

// Waiting is a platform of a configuration that is not in force yet. It asks no engine: its policies are compiled over
// the catalogs that the configuration in force has seen last.
type Waiting struct {
	Config
	Purposes []string // that its policies may ask for

	mu       sync.Mutex
	catalog  *entitlements.Catalog // that the rest is compiled for
	compiled *requests.Compiled
	problems []entitlements.Problem
}

// Entitlements are its policies over the last catalog of the same platform in force. here says which of the other
// platforms the waiting configuration has, too, in the same place.
func (w *Waiting) Entitlements(inForce *Platform, here func(platform string) bool) (*requests.Compiled, error) {
	var others []*entitlements.Catalog
	for _, other := range inForce.others {
		if c := other.Catalog(); c != nil && here(other.Name) {
			others = append(others, c)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if catalog := inForce.Catalog(); w.catalog != catalog {
		w.catalog = catalog
		if w.Accepted == nil && w.AcceptAll { // what was there at the start was so for both
			w.Accepted = inForce.LookedAt()
		}
		how := entitlements.Config{Others: others, Running: true, Serving: true}
		w.compiled, w.problems = w.compile(w.governed(catalog), w.Purposes, how)
	}
	if w.compiled == nil {
		return nil, &PolicyError{w.problems}
	}
	return w.compiled, nil
}

// governed is the part of a catalog that the configuration has.
func (c Config) governed(all *entitlements.Catalog) *entitlements.Catalog {
	if c.Schemas == nil || all == nil {
		return all
	}
	out := *all
	out.Tables = slices.DeleteFunc(
		slices.Clone(all.Tables),
		func(t entitlements.Table) bool { return !slices.Contains(c.Schemas, t.Schema) },
	)
	return &out
}
