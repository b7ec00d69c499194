package tools

import (
	"encoding/json"
	"fmt"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/vending"
)

// asking says, in refusals, notices and descriptions, with exactly which arguments the tool request_access would be
// called. It says so only of what can be asked for, and never of a table that the caller may not know of.
type asking struct {
	policies requests.Both
	who      identity.Principal
	platform string // to be named; empty: there is only one
	dialect  vending.Dialect
	possible bool // this caller may ask at all
}

func (t *Tools) asking(p *platform, policies requests.Both, who identity.Principal) asking {
	a := asking{policies: policies, who: who, dialect: p.Engine.Dialect()}
	a.possible = t.config.Requests != nil && who.Allows(identity.ScopeRequest) &&
		(who.User != nil || who.Agent.MayRequest)
	a.who.Purpose = "" // as request_access judges
	if len(t.platforms) > 1 {
		a.platform = p.Name
	}
	return a
}

// forTable is how to ask for a table that is closed and may be known of.
func (a asking) forTable(table entitlements.TableName) string {
	if a.policies.Unknown != nil {
		return unknownFor(a.dialect.SpellTable(table), nil).Message
	}
	if takes, err := a.takes(table, nil); err != nil || !takes.Opens {
		return fmt.Sprintf(
			"%s is there but not open to you: ask an administrator of Deputy for access to %[1]s and say what for",
			a.dialect.SpellTable(table),
		)
	}
	return fmt.Sprintf(
		"%s is there but not open to you; to ask for it, call request_access with %s and a reason",
		a.dialect.SpellTable(table),
		a.arguments(table, nil),
	)
}

// mostAsked is how many columns the words for asking name: a wide table must not fill the answer with them.
const mostAsked = 20

// forColumns is how to ask for those of a table's masked columns that can be seen in the clear when somebody approves;
// empty: for none.
func (a asking) forColumns(access entitlements.Access) string {
	var columns []string
	for _, c := range access.Columns {
		if len(c.Masks) == 0 {
			continue
		}
		if takes, err := a.takes(access.Table, []string{c.Name}); err == nil && !takes.Opens {
			columns = append(columns, c.Name)
		}
	}
	if len(columns) == 0 {
		return ""
	}
	columns = columns[:min(mostAsked, len(columns))]
	if _, err := a.takes(access.Table, columns); err != nil {
		return "" // one by one they can be asked for, and not together
	}
	return fmt.Sprintf(
		"to see %s of %s in the clear, call request_access with %s and a reason",
		strings.Join(a.dialect.SpellAll(columns), ", "),
		a.dialect.SpellTable(access.Table),
		a.arguments(access.Table, columns),
	)
}

// takes is what asking takes. What a rule says no to by itself is not worth asking for.
func (a asking) takes(table entitlements.TableName, columns []string) (requests.Ask, error) {
	if !a.possible || a.policies.Unknown != nil {
		return requests.Ask{}, requests.ErrNotAskable
	}
	takes, err := a.policies.Ask(a.who, table, columns)
	if err == nil && takes.Denied != "" {
		err = requests.ErrNotAskable
	}
	return takes, err
}

// arguments are those to ask with. The reason is left to whoever asks: what stood here would be sent as it is.
func (a asking) arguments(table entitlements.TableName, columns []string) string {
	encoded, err := json.Marshal(struct {
		Platform string   `json:"platform,omitempty"`
		Table    string   `json:"table"`
		Columns  []string `json:"columns,omitempty"`
	}{a.platform, a.dialect.SpellTable(table), a.dialect.SpellAll(columns)})
	if err != nil {
		return "table" // strings only: it cannot be
	}
	return string(encoded)
}
