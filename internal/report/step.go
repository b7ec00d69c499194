package report

import (
	"strings"

	"deputy/audit"
)

// steps say what a record about an access request is about, whether it came to that or not.
var steps = map[string]string{
	"request_access": "Asking for access with the tool request_access",
	audit.Approve:    "Approving an access request",
	audit.Deny:       "Denying an access request",
	audit.Revoke:     "Revoking what was approved",
	audit.Cancel:     "Cancelling an access request with the tool request_access",
	audit.Expire:     "The end of an access request",
	audit.Look:       "Looking at access requests",
	audit.Confirm:    "Confirming what was approved before the state was restored",

	audit.AcceptRestore: "Accepting a state that was restored",
	audit.NoteState:     "How far the state of access requests had come",
}

func step(c audit.Call) bool { return steps[c.Tool] != "" }

// stepEndings are endings of steps, of which no row can leave.
var stepEndings = map[audit.Outcome]string{
	audit.Answered:  "It was done.",
	audit.Denied:    "It was refused: nothing changed.",
	audit.Failed:    "It failed: nothing changed.",
	audit.Cancelled: "The caller went away.",
	audit.Unknown:   "The server ended before the step did. Whether it was taken is not known: deputy requests show says how the request stands.",
	audit.Begun:     "There is no outcome: it is being done, or the server died and was not started since. Deputy requests show says how the request stands.",
}

// request is an access request as a record has it. What people wrote is marked as such.
func (p *page) request(q audit.Request) {
	who := "the agent " + q.Agent + " itself"
	if q.User != "" {
		who = q.User + ", asked through " + q.Agent
	}
	rows := [][]string{{"for", who}, {"table", q.Table}}
	add := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, text})
		}
	}
	add("to be seen in the clear", strings.Join(q.Columns, ", "))
	add("how long", q.Duration)
	add("reason given", quote(q.Reason))
	add("covered by rules", strings.Join(q.Rules, ", "))
	add("decided by rule", q.ByRule)
	add("note", quote(q.Note))
	add("only through agent", q.Through)
	add("it is then", q.Status)
	if !q.Expires.IsZero() {
		add("ends", at(q.Expires))
	}
	p.section("Access request "+q.ID, rows)
}
