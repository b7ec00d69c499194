package entitlements_test

import (
	"fmt"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/config/form"
)

func Example() {
	var config struct {
		Tags     entitlements.Tags
		Policies []entitlements.Policy
	}
	err := form.Fragments(`
tags:
  PII: [sales.customer_orders.lastname]
policies:
  - name: marketing reads sales
    grant: sales.*
    to: group:Marketing
  - name: hide personal data
    mask: tag:PII
    with: {constant: REDACTED}
    except: group:Privacy
`, map[string]any{"tags": &config.Tags, "policies": &config.Policies})
	if err != nil {
		fmt.Println(err)
	}

	orders := entitlements.TableName{Schema: "sales", Name: "customer_orders"}
	e, problems := entitlements.Compile(entitlements.Config{
		Platform: "warehouse",
		Tags:     config.Tags,
		Policies: config.Policies,
		Catalog: &entitlements.Catalog{Tables: []entitlements.Table{{
			TableName: orders,
			Columns: []entitlements.Column{
				{Name: "lastname", Type: "text", Kind: entitlements.Text},
				{Name: "order_total", Type: "numeric", Kind: entitlements.Number},
			},
		}}},
	})
	for _, p := range problems {
		fmt.Println(p)
	}

	taylor := identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: "taylor", Groups: []string{"Marketing"}},
	}
	agent := identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "assistant"}}

	access, _ := e.Decide(identity.Principal{Agent: agent, User: &taylor}, orders)
	fmt.Println(access.Table, "via", access.Via)
	for _, c := range access.Columns {
		if len(c.Masks) > 0 {
			fmt.Printf("%s: %s by %q\n", c.Name, c.Masks[0].Constant, c.Masks[0].Policy)
		} else {
			fmt.Printf("%s: clear\n", c.Name)
		}
	}
	_, denial := e.Decide(identity.Principal{Agent: agent}, orders)
	fmt.Println("without Taylor:", denial.Reasons[0])
	// Output:
	// sales.customer_orders via user
	// lastname: REDACTED by "hide personal data"
	// order_total: clear
	// without Taylor: no grant opens it
}
