package tools

import (
	"context"
	"fmt"

	"deputy/audit"
	"deputy/tools/refusal"
)

// OverLimit puts on the record that a limit turned a caller away, and makes the refusal. Of a call without a principal
// only the address is known. Only so many are on the record at once, and the others are counted there: a caller that
// comes too often would fill it otherwise.
func (t *Tools) OverLimit(ctx context.Context, call Call, reason string) *Refusal {
	turned := &Refusal{Code: TooBusy, Message: reason, Hint: refusal.Hints[TooBusy]}
	room, more := t.limited.Note(t.config.Now())
	if !room {
		return turned
	}
	r := t.begin(call, audit.Admit).Record
	if r.Agent.ID == "" {
		r.Tool, r.Mode = audit.Authenticate, ""
	}
	r.Phase, r.Outcome, r.Code, r.Reasons = audit.Ended, audit.Failed, string(TooBusy), []string{reason}
	if more > 0 {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d more were turned away since the last one on the record", more))
	}
	if err := t.config.Audit.Append(context.WithoutCancel(ctx), r); err != nil {
		t.config.Log.Error().Str("id", r.ID).Err(err).Msg("a caller that a limit turned away could not be recorded")
		return turned
	}
	turned.AuditID = r.ID
	return turned
}
