package tools

import (
	"context"
	"fmt"

	"deputy/identity"
)

// scopes say which one a credential must allow for a tool. One that is not here is for credentials without a ceiling.
var scopes = map[string]identity.Scope{
	"query":          identity.ScopeQuery,
	"describe_table": identity.ScopeDescribe,
	"request_access": identity.ScopeRequest,
}

// ScopeOf is the scope of a tool; there is none for a tool that is not there.
func ScopeOf(tool string) (s identity.Scope, there bool) {
	s, there = scopes[tool]
	return s, there
}

// ceiling refuses what the caller's credential was not given for. Every tool asks it first, whatever a transport has
// looked at.
func (t *Tools) ceiling(p identity.Principal, r *record) error {
	scope := scopes[r.Tool]
	if p.Allows(scope) {
		return nil
	}
	r.Reasons = append(r.Reasons, fmt.Sprintf("the access token does not have the scope %s", scope))
	return &Error{
		Code:    NotPermitted,
		Message: fmt.Sprintf("the access token may not be used for this: it does not have the scope %s", scope),
		Hint:    "an access token with that scope is needed: the host asks its authorization server for one",
	}
}

// Ceiling is the question alone, for a transport that can answer it in its own words. A refusal is on the record; nil:
// go on.
func (t *Tools) Ceiling(ctx context.Context, call Call, tool string) *Refusal {
	if scope, there := scopes[tool]; !there || call.Principal.Allows(scope) {
		return nil
	}
	r := t.begin(call, tool)
	return t.end(ctx, r, t.ceiling(call.Principal, r))
}
