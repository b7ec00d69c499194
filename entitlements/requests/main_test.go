package requests

import (
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/internal/testkit/world"
)

func parse(t testing.TB, text string) Config {
	t.Helper()
	cfg := Config{Config: entitlements.Config{Platform: "warehouse", Catalog: shop}}
	err := form.Fragments(text, map[string]any{
		"tags": &cfg.Tags, "policies": &cfg.Policies,
		"platforms.discoverable": &cfg.Discoverable, "requests.rules": &cfg.Rules,
	})
	if err != nil {
		t.Fatalf("the policies of the test cannot be read: %v", err)
	}
	return cfg
}

func compile(t testing.TB, cfg Config) *Compiled {
	t.Helper()
	c, problems := Compile(cfg)
	if c == nil {
		t.Fatalf("the policies of the test do not compile: %v", problems)
	}
	return c
}

var (
	matcher = world.MatcherOf
	tableOf = world.TableOf
	col     = world.Col
	user    = world.User
	party   = world.Party
	on      = world.On

	shop      = world.Shop
	orders    = world.Orders
	refunds   = world.Refunds
	customers = world.Customers
	people    = world.People
	noon      = world.Noon

	taylor = world.Taylor
	eva    = world.Eva
	nobody = world.Nobody
	bot    = world.Bot
	euBot  = world.EUBot
)
