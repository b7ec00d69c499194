package tools

import (
	"encoding/json"
	"fmt"
	"strings"

	"deputy/entitlements"
	"deputy/identity"
)

// asking says, in refusals and notices, with exactly which arguments the tool request_access would be called. It says so only of what
// can be asked for, and never of a table that the caller may not know of.
type asking struct {
	policies *entitlements.Entitlements
	who      identity.Principal
	platform string // to be named; empty: there is only one
	possible bool   // this caller may ask at all
}

func (t *Tools) asking(p *platform, policies *entitlements.Entitlements, who identity.Principal) asking {
	a := asking{policies: policies, who: who}
	a.possible = t.config.Requests != nil && who.Allows(identity.ScopeRequest) && (who.User != nil || who.Agent.MayRequest)
	if len(t.platforms) > 1 {
		a.platform = p.Name
	}
	return a
}

// forTable is how to ask for a table that is closed and may be known of.
func (a asking) forTable(table entitlements.TableName) string {
	if _, err := a.policies.Ask(a.who, table, nil); !a.possible || err != nil {
		return fmt.Sprintf("%s is there but not open to you: ask an administrator of Deputy for access to %[1]s and say what for", table)
	}
	return fmt.Sprintf("%s is there but not open to you; to ask for it, call request_access with %s", table, a.arguments(table, nil))
}

// forColumns is how to ask for those of a table's masked columns that can be seen in the clear when somebody approves; empty: for none.
func (a asking) forColumns(access entitlements.Access) string {
	if !a.possible {
		return ""
	}
	var columns []string
	for _, c := range access.Columns {
		if len(c.Masks) == 0 {
			continue
		}
		if _, err := a.policies.Ask(a.who, access.Table, []string{c.Name}); err == nil {
			columns = append(columns, c.Name)
		}
	}
	if len(columns) == 0 {
		return ""
	}
	return fmt.Sprintf("to see %s of %s in the clear, call request_access with %s", strings.Join(columns, ", "), access.Table, a.arguments(access.Table, columns))
}

func (a asking) arguments(table entitlements.TableName, columns []string) string {
	encoded, err := json.Marshal(struct {
		Platform string   `json:"platform,omitempty"`
		Table    string   `json:"table"`
		Columns  []string `json:"columns,omitempty"`
		Reason   string   `json:"reason"`
	}{a.platform, table.String(), columns, "what for"})
	if err != nil {
		return "table and reason" // strings only: it cannot be
	}
	return string(encoded)
}
