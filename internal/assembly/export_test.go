package assembly

import (
	"deputy/entitlements/requests/store"
	"deputy/vending"
)

// Engine is the engine of a platform that calls begin with now.
func (l *Live) Engine(platform string) vending.Engine { return l.now().Engines[platform] }

// Kept is the state of access requests that calls begin with now; nil: there is none.
func (l *Live) Kept() *store.State { return l.now().State }
