package requests_test

import (
	"fmt"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/internal/config/form"
)

func ExampleCompiled_Ask() {
	var config struct {
		Policies []entitlements.Policy
		Rules    []requests.Rule
	}
	err := form.Fragments(`
policies:
  - name: marketing reads sales
    grant: sales.*
    to: group:Marketing
  - name: hide personal data
    mask: sales.customer_orders.lastname
    with: {constant: REDACTED}
    except: group:Privacy
rules:
  - name: stewards show names
    about: sales.customer_orders.lastname
    approvers: group:Data-Stewards
    at_most: 8h
`, map[string]any{"policies": &config.Policies, "requests.rules": &config.Rules})
	if err != nil {
		fmt.Println(err)
	}
	orders := entitlements.TableName{Schema: "sales", Name: "customer_orders"}
	e, _ := requests.Compile(requests.Config{Rules: config.Rules, Config: entitlements.Config{
		Platform: "warehouse",
		Policies: config.Policies,
		Catalog: &entitlements.Catalog{Tables: []entitlements.Table{{
			TableName: orders,
			Columns:   []entitlements.Column{{Name: "lastname", Type: "text", Kind: entitlements.Text}},
		}}},
	}})
	person := func(id string, groups ...string) identity.User {
		return identity.User{
			Issuer:   "https://login.example.com",
			Subject:  id,
			Identity: identity.Identity{Kind: identity.KindUser, ID: id, Groups: groups},
		}
	}
	taylor, steward := person("taylor", "Marketing"), person("sam", "Data-Stewards")
	who := identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "assistant"}},
		User:  &taylor,
	}

	ask, err := e.Ask(who, orders, []string{"lastname"})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%v: ask %s, for %s at most\n", ask.Columns, ask.Approvers(), ask.AtMost)

	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	request := requests.Request{
		ID:      "r-1",
		Asker:   requests.AskerOf(who),
		Table:   orders,
		Columns: ask.Columns,
		Opens:   ask.Opens,
		Reason:  "the mailing of December",
		Wanted:  requests.Duration(time.Hour),
		Created: now,
		Lapses:  now.Add(24 * time.Hour),
		Status:  requests.StatusPending,
	}
	_, err = request.Approve(ask.Requirement, requests.Step{By: taylor, Now: now})
	fmt.Println("Taylor:", err)
	request, err = request.Approve(ask.Requirement, requests.Step{By: steward, Now: now})
	if err != nil {
		fmt.Println(err)
	}
	for _, at := range []time.Time{now, request.Expires} {
		var approved []entitlements.Approval
		if a, ok := request.Approval(at); ok {
			approved = append(approved, a)
		}
		access, _ := e.With(approved, at).Decide(who, orders)
		fmt.Println(at.Format(time.TimeOnly), "masks:", len(access.Columns[0].Masks))
	}
	// Output:
	// [lastname]: ask group:Data-Stewards, for 8h0m0s at most
	// Taylor: nobody decides on their own request, nor on what an agent of theirs asked for
	// 09:00:00 masks: 0
	// 10:00:00 masks: 1
}
