package world

import (
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

// Tables of the company, and the time of its tests.
var (
	Orders    = entitlements.TableName{Schema: "sales", Name: "customer_orders"}
	Refunds   = entitlements.TableName{Schema: "sales", Name: "refunds"}
	Customers = entitlements.TableName{Schema: "eu", Name: "customers"}
	People    = entitlements.TableName{Schema: "hr", Name: "people"}
	Noon      = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
)

// On is a call of the Bot on behalf of the user.
func On(u *identity.User) identity.Principal { return identity.Principal{Agent: Bot, User: u} }

// Approvable are policies under which there is something to approve.
const Approvable = `
discoverable: [sales.refunds]
policies:
  - {name: marketing reads sales, grant: [sales.customer_orders, eu.*], to: group:Marketing}
  - {name: EU data stays in the EU, guardrail: [eu.*], require: attribute:residency=EU}
  - {name: hide personal data, mask: [sales.customer_orders.lastname, sales.refunds.reason], with: hash, except: group:Privacy}
  - {name: totals of others, mask: [sales.customer_orders.order_total], with: null, when: region <> 'EU', except: group:Finance}
  - {name: rounded totals, mask: ["sales.*.order_total"], with: {round: 100}, for: group:Contractors}
  - {name: own region, filter: [sales.customer_orders, sales.refunds], where: region = any(:attribute.region), except: group:HQ}
`

// Approval is one that the user has until an hour after Noon.
func Approval(
	id string,
	u *identity.User,
	table entitlements.TableName,
	opens bool,
	columns ...string,
) entitlements.Approval {
	return entitlements.Approval{
		Request: id,
		For:     HolderOf(On(u)),
		Table:   table,
		Opens:   opens,
		Columns: columns,
		Expires: Noon.Add(time.Hour),
	}
}

// HolderOf is the caller as an approval has them.
func HolderOf(who identity.Principal) entitlements.Holder {
	h := entitlements.Holder{Agent: who.Agent.ID}
	if who.User != nil {
		p := who.User.Person()
		h.User = &p
	}
	return h
}
