package httpd

import (
	"net/http"

	"deputy/tools"
)

// scope answers a call that the caller's credential was not given for as RFC 6750 says, so that a host can ask for one
// that is. It comes when the message is read and the caller is proved for the last time, and looks at nothing else:
// which revision of the protocol a request says it speaks makes no difference (CVE-2026-11719). The tools ask the same
// question again.
func (s *server) scope(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if c.only != nil { // it calls no tool: see listing
			next(w, r, c)
			return
		}
		ctx, who, err := c.caller(r.Context())
		if err != nil {
			refuseFault(w)
			return
		}
		tool := c.Message.Tool()
		refusal := c.Generation.Tools().Ceiling(ctx, who, tool)
		if refusal == nil {
			next(w, r, c)
			return
		}
		c.Taken()
		scope, _ := tools.ScopeOf(tool)
		s.challenges(w, c.credentials, `, error="insufficient_scope", scope="`+who.Principal.Asks(scope)+
			`", error_description="the access token does not have the scope that is needed"`)
		Answer(w, http.StatusForbidden, map[string]string{
			"error":    "insufficient_scope",
			"message":  refusal.Message,
			"audit_id": refusal.AuditID,
		})
	}
}
