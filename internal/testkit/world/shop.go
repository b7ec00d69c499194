// Package world is a small company for tests of policies: its tables, the people and agents that work for it, and
// random policies, matchers and principals that do meet each other.
package world

import (
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
)

// Parse reads tags, policies and the like as a file has them; the catalog is Shop.
func Parse(t testing.TB, text string) entitlements.Config {
	t.Helper()
	cfg := entitlements.Config{Platform: "warehouse", Catalog: Shop}
	err := form.Fragments(text, map[string]any{
		"tags": &cfg.Tags, "policies": &cfg.Policies, "platforms.discoverable": &cfg.Discoverable,
	})
	if err != nil {
		t.Fatalf("the policies of the test cannot be read: %v", err)
	}
	return cfg
}

// Compile compiles policies that have no mistake.
func Compile(t testing.TB, cfg entitlements.Config) *entitlements.Entitlements {
	t.Helper()
	e, problems := entitlements.Compile(cfg)
	if e == nil {
		t.Fatalf("the policies of the test do not compile: %v", problems)
	}
	return e
}

// TableOf makes a table of a catalog.
func TableOf(name string, columns ...entitlements.Column) entitlements.Table {
	t, _ := entitlements.ParseTableName(name)
	return entitlements.Table{TableName: t, Columns: columns}
}

// Col makes a column whose type is called like its kind.
func Col(name string, k entitlements.Kind) entitlements.Column {
	return entitlements.Column{Name: name, Type: string(k), Kind: k}
}

// Shop is the catalog of the company.
var Shop = &entitlements.Catalog{Version: "1", Tables: []entitlements.Table{
	TableOf(
		"sales.customer_orders",
		Col("lastname", entitlements.Text),
		Col("region", entitlements.Text),
		Col("order_total", entitlements.Number),
	),
	TableOf("sales.refunds", Col("reason", entitlements.Text)),
	TableOf("ref.regions", Col("code", entitlements.Text), Col("label", entitlements.Text)),
	TableOf("eu.customers", Col("id", entitlements.Number), Col("email", entitlements.Text)),
	TableOf(
		"hr.people",
		Col("name", entitlements.Text),
		Col("ssn", entitlements.Text),
		Col("salary", entitlements.Number),
	),
	TableOf("hr.wages", Col("amount", entitlements.Number)),
}}

// The people and agents of the company.
var (
	Taylor     = User("taylor", []string{"Marketing"}, "region", "US-EAST")
	Priya      = User("priya", []string{"Marketing", "Privacy"}, "region", "US-EAST", "region", "US-WEST")
	Eva        = User("eva", []string{"Marketing", "HR"}, "residency", "EU")
	Nobody     = User("nobody", nil)
	Bot        = Agent("marketing-bot", []string{"Agents"})
	EUBot      = Agent("eu-bot", []string{"Agents", "EU-Readers"}, "residency", "EU")
	USBot      = Agent("us-bot", []string{"Agents", "EU-Readers"})
	ScannerBot = Agent("pii-scannerBot", []string{"Scanners"}, "region", "US-CENTRAL")
)

// User makes a user; attributes are pairs of name and value.
func User(id string, groups []string, attributes ...string) *identity.User {
	return &identity.User{Identity: Party(identity.KindUser, id, groups, attributes)}
}

// Agent makes an agent; attributes are pairs of name and value.
func Agent(id string, groups []string, attributes ...string) identity.Agent {
	return identity.Agent{Identity: Party(identity.KindAgent, id, groups, attributes)}
}

// Party makes an identity; attributes are pairs of name and value.
func Party(k identity.Kind, id string, groups, attributes []string) identity.Identity {
	i := identity.Identity{Kind: k, ID: id, Groups: groups, Attributes: map[string][]string{}}
	for n := 0; n+1 < len(attributes); n += 2 {
		i.Attributes[attributes[n]] = append(i.Attributes[attributes[n]], attributes[n+1])
	}
	return i
}

// ShopPolicies are the policies of the company.
const ShopPolicies = `
tags:
  PII: [sales.customer_orders.lastname, hr.people.name]
  PII.SSN: [hr.people.ssn]
  EU: [eu.*]
  Lookup: [ref.*]
  Regional: [sales.customer_orders]
  Salaries: [hr.wages, hr.people.salary]
discoverable: [sales.*, eu.customers]
policies:
  - name: marketing reads sales
    grant: [sales.customer_orders, sales.refunds]
    to: group:Marketing
  - name: scanners read sales
    grant: sales.customer_orders
    to: group:Scanners
  - name: agents read lookup tables
    grant: tag:Lookup
    to: group:Agents
  - name: marketing reads lookup tables
    grant: tag:Lookup
    to: group:Marketing
  - name: eu readers
    grant: eu.*
    to: [group:EU-Readers, user:eva]
  - name: EU data stays in the EU
    guardrail: tag:EU
    require: attribute:residency=EU
  - name: hr reads hr
    grant: hr.*
    to: {all: [group:HR, {not: mode:autonomous}]}
  - name: hide personal data
    mask: tag:PII
    with: {constant: REDACTED}
    except: group:Privacy
  - name: social security numbers keep their end
    mask: tag:PII.SSN
    with: {partial: {last: 4}}
  - name: salaries are nobody's business
    mask: tag:Salaries
    with: hash
  - name: sellers see their own region
    filter: tag:Regional
    where: region  =  ANY ( :attribute.region )
    except: group:Scanners
`

// MatcherOf reads a matcher as a policy has it.
func MatcherOf(t interface {
	Helper()
	Fatal(...any)
}, text string) *entitlements.Matcher {
	t.Helper()
	var m entitlements.Matcher
	if err := form.Fragment("policies.to", text, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}
