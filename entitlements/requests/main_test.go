package requests

import (
	"testing"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
	"deputy/internal/testkit/world"
)

// file is what these tests write as YAML.
type file struct {
	Tags         entitlements.Tags      `yaml:"tags"`
	Policies     []entitlements.Policy  `yaml:"policies"`
	Discoverable entitlements.Selectors `yaml:"discoverable"`
	Rules        []Rule                 `yaml:"rules"`
}

func parse(t testing.TB, text string) Config {
	t.Helper()
	var f file
	if err := yaml.Load([]byte(text), &f, yaml.WithKnownFields()); err != nil {
		t.Fatalf("the policies of the test cannot be read: %v", err)
	}
	return Config{Rules: f.Rules, Config: entitlements.Config{
		Platform:     "warehouse",
		Tags:         f.Tags,
		Policies:     f.Policies,
		Discoverable: f.Discoverable,
		Catalog:      shop,
	}}
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
