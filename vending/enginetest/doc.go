// Package enginetest holds what every implementation of vending.Engine must pass.
//
// An engine's own test makes a database from Seed, opens the engine over it, and calls Run. A new engine has nothing
// else to do: what differs between languages it says in Fixture.Words, and how its database looks from the outside in
// Fixture.Outside. RunAttacks can be called again with attacks that only make sense in the engine's own language.
package enginetest
