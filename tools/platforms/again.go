package platforms

import (
	"context"
	"time"
)

// lookAgainEvery is how often the calls that meet a closed table have the platform looked at.
const lookAgainEvery = time.Second

// LookAgain looks whether closed tables can be served now, for a call that met one: the database may have changed back.
// It reports whether it has looked. It has not where the platform was looked at within a second, or is just now.
func (p *Platform) LookAgain(ctx context.Context) bool {
	if len(p.shutTables()) == 0 || p.Closed() != nil || !p.serve.opening.TryLock() {
		return false
	}
	defer p.serve.opening.Unlock()
	if time.Since(p.serve.looked) < lookAgainEvery {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	p.lookOut(ctx)
	p.serve.looked = time.Now()
	return true
}
