package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/config/form"
)

func TestThePageSaysWhatAnApprovedRequestOpensAndUntilWhen(t *testing.T) {
	var policies []entitlements.Policy
	if err := form.Fragment("policies", "[{name: hide names, mask: [sales.orders.lastname], with: hash, except: group:Privacy}]", &policies); err != nil {
		t.Fatal(err)
	}
	orders := entitlements.TableName{Schema: "sales", Name: "orders"}
	e, problems := entitlements.Compile(
		entitlements.Config{Policies: policies, Catalog: &entitlements.Catalog{Tables: []entitlements.Table{
			{TableName: orders, Columns: []entitlements.Column{{Name: "lastname", Type: "text", Kind: entitlements.Text}}},
		}}},
	)
	if e == nil {
		t.Fatal(problems)
	}
	who := identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "assistant"}},
		User: &identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: "taylor"},
			Issuer:   "https://issuer",
			Subject:  "1",
		},
	}
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	approved := entitlements.Approval{
		Request: "r1",
		For:     requests.AskerOf(who).Holder(),
		Table:   orders,
		Opens:   true,
		Columns: []string{"lastname"},
		Expires: noon.Add(time.Hour),
	}
	x, _ := review.Explain(e.With([]entitlements.Approval{approved}, noon), who, orders)

	var page bytes.Buffer
	if err := (Explained{NewPrincipal(who), []Table{{"shop", x}}}).Page(&page); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(page.String()), " ")
	for _, want := range []string{
		"ALLOWED through the user, as it is until 2026-11-25T13:00:00Z",
		"request r1 to user:taylor opens it for the user, until 2026-11-25T13:00:00Z",
		"lastname text - clear - not hash hide names (sales.orders.lastname; all but group:Privacy; lifted by request r1 until 2026-11-25T13:00:00Z)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q:\n%s", want, page.String())
		}
	}
}
