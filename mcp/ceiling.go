package mcp

import (
	"encoding/json"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// ceiling answers a call that the caller's credential was not given for as RFC 6750 says, so that a host can ask for
// one that is. It comes when the message is read and the caller is proved for the last time, and looks at nothing else:
// which revision of the protocol a request says it speaks makes no difference (CVE-2026-11719). The tools ask the same
// question again.
func (a *authentication) ceiling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := r.Context().Value(messageKey{}).(message)
		came, _ := r.Context().Value(callKey{}).(httpCall)
		if came.only != nil { // it calls no tool: see listing
			next.ServeHTTP(w, r)
			return
		}
		ctx, call, err := httpCaller(r.Context())
		if err != nil {
			answer(
				w,
				http.StatusInternalServerError,
				"internal",
				"the call could not be completed, because of a fault on the server",
			)
			return
		}
		tool := m.tool()
		refusal := a.tools.Ceiling(ctx, call, tool)
		if refusal == nil {
			next.ServeHTTP(w, r)
			return
		}
		taken(r.Context())
		scope, _ := tools.ScopeOf(tool)
		a.challenges(
			w,
			came.credentials,
			`, error="insufficient_scope", scope="`+call.Principal.Asks(
				scope,
			)+`", error_description="the access token does not have the scope that is needed"`,
		)
		answerJSON(
			w,
			http.StatusForbidden,
			map[string]string{"error": "insufficient_scope", "message": refusal.Message, "audit_id": refusal.AuditID},
		)
	})
}

// tool is the name of the tool that the message calls; "": it calls none.
func (m message) tool() (name string) {
	value, there := find(m.params, "name")
	if m.method != string(mcp.MethodToolsCall) || !there || json.Unmarshal(value, &name) != nil {
		return ""
	}
	return name
}
