package tools_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/tools"
)

// failing keeps nothing.
type failing struct{ requests.Store }

func (failing) Make(context.Context, requests.Request, time.Time) (requests.Request, bool, error) {
	return requests.Request{}, false, errors.New("disk full")
}

// answer is everything that a caller is told, but for the id of the record.
func answer(r *tools.Refusal) string { return fmt.Sprintf("%s|%s|%s", r.Code, r.Message, r.Hint) }

// A table that is not there, one that may not be known of, and one that a guardrail closes: the same words, after the
// same steps, and on the record the same but for the name.
func TestATableThatMayNotBeKnownOfIsNotThere(t *testing.T) {
	o := newOffice(t)
	for name, args := range map[string]tools.RequestArgs{
		"asked for":           {Reason: why},
		"its columns":         {Reason: why, Columns: []string{"what"}},
		"columns it has not":  {Reason: why, Columns: []string{"nothing"}},
		"without a reason":    {Duration: "4h"},
		"for too long":        {Reason: why, Duration: "300d"},
		"with answers":        {Reason: why, Answers: map[string]string{"ticket": "T-1"}},
		"with the platform":   {Reason: why, Platform: "shop"},
		"with no such length": {Reason: why, Duration: "forever"},
	} {
		said, steps, recorded := "", "", ""
		for i, table := range []string{"nothing", "hidden", "guarded", "sales.nothing", "sales.hidden", "sales.guarded", "hidden\x00", "\xff"} {
			args.Table = table
			o.state.calls = nil
			r := o.refused(seller(), args)
			last := o.log.last(t)
			if last.ID != r.AuditID || last.Outcome != audit.Denied || last.Request != nil {
				t.Errorf("%s %q: the record is %+v", name, table, last)
			}
			record := fmt.Sprint(last.Tool, last.Platform, last.Tables, last.Outcome, last.Code, last.Reasons)
			if i == 0 {
				said, steps, recorded = answer(r), fmt.Sprint(o.state.calls), record
			}
			if answer(r) != said || fmt.Sprint(o.state.calls) != steps || record != recorded {
				t.Errorf(
					"%s, %q is answered %s after %v, and a table that is not there %s after %s",
					name,
					table,
					answer(r),
					o.state.calls,
					said,
					steps,
				)
			}
			if o.Proposal(t.Context(), seller(), args) != nil {
				t.Errorf("%s: the human is asked about %q", name, table)
			}
		}
	}
	if len(o.kept()) > 0 {
		t.Errorf("kept is %+v", o.kept())
	}
}

// Somebody else's request is not there: not for another human, not for the agent that carried it, not for an agent
// alone.
func TestSomebodyElsesRequestIsNotThere(t *testing.T) {
	o := newOffice(t)
	taylors := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why}).ID
	bots := o.ask(alone("marketing-agent", true), tools.RequestArgs{Table: "payroll", Reason: why}).ID
	robin := as("robin", "Marketing")
	elsewhere := seller() // the same name at another issuer
	u := *elsewhere.Principal.User
	u.Issuer = "https://other.test"
	elsewhere.Principal.User = &u
	for _, cancel := range []bool{false, true} {
		said, steps := "", ""
		for i, tt := range []struct {
			name string
			call tools.Call
			id   string
			why  string
		}{
			{"none", robin, "req_00000000000000000000000000", "there is no such request"},
			{"malformed", robin, "1' OR '1'='1", "there is no such request"},
			{"a NUL", robin, "req_\x00", "there is no such request"},
			{"not UTF-8", robin, "req_\xff", "there is no such request"},
			{"blank", robin, " ", "there is no such request"},
			{"in capitals", seller(), "REQ" + taylors[3:], "there is no such request"},
			{"a letter more", seller(), taylors + "0", "there is no such request"},
			{"another human's, through the same agent", robin, taylors, "the request is somebody else's"},
			{"another human's of the same name", elsewhere, taylors, "the request is somebody else's"},
			{"a human's, to the agent alone", alone("marketing-agent", true), taylors, "the request is somebody else's"},
			{"the agent's own, to its human", seller(), bots, "the request is somebody else's"},
			{"another agent's", alone("scanner", true), bots, "the request is somebody else's"},
		} {
			o.state.calls = nil
			r := o.refused(tt.call, tools.RequestArgs{RequestID: tt.id, Cancel: cancel})
			if i == 0 {
				said, steps = answer(r), fmt.Sprint(o.state.calls)
			}
			if answer(r) != said || fmt.Sprint(o.state.calls) != steps || r.Code != tools.NoSuchRequest {
				t.Errorf("%s: %s after %v, and one that does not exist %s after %s", tt.name, answer(r), o.state.calls, said, steps)
			}
			last := o.log.last(t)
			if last.Request != nil || last.Outcome != audit.Denied || last.Tool != "request_access" ||
				!slices.Equal(last.Reasons, []string{tt.why}) {
				t.Errorf("%s: the record is %+v", tt.name, last)
			}
		}
		if steps != "[find]" {
			t.Errorf("the state is asked %s", steps)
		}
	}
	for _, q := range o.kept() {
		if q.Status != requests.StatusPending {
			t.Errorf("somebody took %+v back", q)
		}
	}
	for _, call := range []tools.Call{robin, elsewhere, alone("scanner", true)} {
		if list := o.ask(call, tools.RequestArgs{}); len(list.Requests) > 0 {
			t.Errorf("somebody else's are listed: %+v", list.Requests)
		}
	}
	// One's own is there through whichever agent, and stays there when the groups are others.
	mine := through(as("taylor"), "another-agent")
	if a := o.ask(mine, tools.RequestArgs{RequestID: taylors}); a.ID != taylors {
		t.Errorf("through another agent it is %+v", a)
	}
	if list := o.ask(mine, tools.RequestArgs{}); len(list.Requests) != 1 || list.Requests[0].ID != taylors {
		t.Errorf("listed are %+v", list.Requests)
	}
	if a := o.ask(mine, tools.RequestArgs{RequestID: taylors, Cancel: true}); a.Status != "cancelled" {
		t.Errorf("taken back it is %+v", a)
	}
}

// A model cannot say yes in a human's name by saying that there was one: Confirmed has no argument, and approves
// nothing.
func TestAConfirmationIsOnTheRecordAndDecidesNothing(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why, Confirmed: true})
	if r := o.log.last(t); a.Status != "pending" ||
		!slices.Equal(r.Reasons, []string{"the human confirmed it in the client"}) {
		t.Errorf("%+v, on the record %+v", a, r)
	}
	o.ask(as("robin", "Marketing"), tools.RequestArgs{Table: "payroll", Reason: why})
	if r := o.log.last(t); len(r.Reasons) > 0 {
		t.Errorf("without, the record says %q", r.Reasons)
	}
}

func TestWhatTheHumanDoesNotWantIsNotAskedForAndThatIsOnTheRecord(t *testing.T) {
	o := newOffice(t)
	r := o.refused(seller(), tools.RequestArgs{Table: "payroll", Reason: why, Declined: true})
	if r.Code != tools.NotPermitted || !strings.Contains(r.Message, "did not agree") ||
		!strings.Contains(r.Hint, "do not ask") ||
		len(o.kept()) > 0 {
		t.Errorf("%+v, and kept is %+v", r, o.kept())
	}
	if last := o.log.last(t); last.Outcome != audit.Denied || last.Table != "payroll" ||
		!slices.Equal(last.Reasons, []string{"the human was asked in the client, and did not agree"}) {
		t.Errorf("the record is %+v", last)
	}
}

// A purpose is the agent's word. It opens nothing to ask about, and nothing by asking.
func TestWhatIsAskedForDoesNotDependOnAPurpose(t *testing.T) {
	o := newOffice(t)
	call := seller()
	call.Principal.Purpose = "support"
	o.ask(call, tools.RequestArgs{Table: "payroll", Reason: why})
	if r := o.log.last(t); r.Purpose != "" {
		t.Errorf("the record has the purpose %q", r.Purpose)
	}
}
