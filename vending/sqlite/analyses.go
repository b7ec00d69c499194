package sqlite

import (
	"sync"

	"deputy/vending"
)

// analyses remembers statements while the catalog stays as it is.
type analyses struct {
	mu      sync.Mutex
	version string
	known   map[string]vending.Statement
}

const maxAnalyses = 1024

func (a *analyses) get(version, sql string, parameters []vending.Parameter) *vending.Statement {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.known[key(sql, parameters)]
	if !ok || a.version != version {
		return nil
	}
	s.Cached = true
	return &s
}

func (a *analyses) put(version string, s vending.Statement, parameters []vending.Parameter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.version != version || len(a.known) >= maxAnalyses {
		a.version, a.known = version, map[string]vending.Statement{}
	}
	a.known[key(s.SQL, parameters)] = s
}

// key tells a statement with parameters from a caller's own of the same text, which is refused.
func key(sql string, parameters []vending.Parameter) string {
	for _, p := range parameters {
		sql += "\x00" + p.Name
	}
	return sql
}
