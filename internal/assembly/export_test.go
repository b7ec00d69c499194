package assembly

import "deputy/vending"

// Engine is the engine of a platform that calls begin with now.
func (l *Live) Engine(platform string) vending.Engine { return l.now().Engines[platform] }
