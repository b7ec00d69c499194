package assembly

import (
	"deputy/entitlements/requests/keeper"
	"deputy/internal/console"
	"deputy/mcp"
	"deputy/tools/desk"
	"deputy/vending"
)

// Engine is the engine of a platform that calls begin with now.
func (l *Live) Engine(platform string) vending.Engine { return l.now().Engines[platform] }

// Kept is the state of access requests that calls begin with now; nil: there is none.
func (l *Live) Kept() *keeper.Keeper { return l.now().State }

// DeskOf is what the stewards of a generation are answered by.
func DeskOf(g mcp.Generation) console.Desk { return desk.New(g.(*generation).Deputy.Tools) }

// PeopleOf are the humans that a generation knows.
func PeopleOf(g mcp.Generation) console.People { return g.(*generation).callers() }
