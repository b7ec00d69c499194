package tools_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/tools"
	"deputy/tools/platforms"
)

const why = "a customer has called"

func TestATableIsAskedForAndOpenOnceAStewardApproves(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why, Duration: "4h"})
	if a.Status != "pending" || a.Table != "sales.payroll" || a.Columns != nil ||
		!strings.HasPrefix(a.ID, "req_") ||
		len(a.ID) != 30 ||
		!a.ExpiresAt.Equal(noon.Add(14*24*time.Hour)) ||
		fmt.Sprint(a.Approvers) != "[somebody of the group Stewards]" ||
		!strings.Contains(a.NextStep, "request_id") {
		t.Errorf("the answer is %+v", a)
	}
	if r := o.log.last(t); a.AuditID != r.ID || r.Request.ID != a.ID || r.Request.Reason != why ||
		r.Request.Duration != "4h" ||
		r.Request.User != "taylor" ||
		r.Request.Agent != "marketing-agent" ||
		fmt.Sprint(r.Request.Rules) != "[stewards open tables]" ||
		r.Platform != "shop" ||
		r.Table != "payroll" {
		t.Errorf("the record is %+v of %+v", r, r.Request)
	}
	same(t, "the record", o.log.steps(), "request_access intent", "request_access outcome pending")
	if got := o.query(seller(), "SELECT salary FROM payroll"); !strings.HasPrefix(got, "not_permitted") {
		t.Errorf("before anybody decides, the table gives %s", got)
	}
	o.rule(a.ID, requests.VerdictApprove, "once")
	if got := o.query(seller(), "SELECT salary FROM payroll"); got != "731942" {
		t.Errorf("approved, the table gives %s", got)
	}
	a = o.ask(seller(), tools.RequestArgs{RequestID: a.ID})
	if a.Status != "approved" || !a.ExpiresAt.Equal(noon.Add(4*time.Hour)) || a.Approvers != nil ||
		a.NextStep != "send the query again; whoever decided says: once" {
		t.Errorf("looked up, it is %+v", a)
	}
	o.now = noon.Add(4*time.Hour - 10*time.Second) // the statement may take no longer than what is left
	if got := o.query(seller(), "SELECT salary FROM payroll"); got != "731942" {
		t.Errorf("in the last moment it gives %s", got)
	}
	o.now = noon.Add(4 * time.Hour)
	if got := o.query(seller(), "SELECT salary FROM payroll"); !strings.HasPrefix(got, "not_permitted") {
		t.Errorf("after its time it gives %s", got)
	}
	if a = o.ask(seller(), tools.RequestArgs{RequestID: a.ID}); a.Status != "expired" || a.ExpiresAt != nil {
		t.Errorf("then it is %+v", a)
	}
}

func TestColumnsAreAskedForAndSeenInTheClear(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "sales.orders", Columns: []string{"lastname"}, Reason: why})
	if fmt.Sprint(a.Columns) != "[lastname]" || o.log.last(t).Request.Duration != "8h" ||
		fmt.Sprint(a.Approvers) != "[somebody of the group Stewards or dpo]" {
		t.Errorf("the answer is %+v", a)
	}
	o.rule(a.ID, requests.VerdictApprove, "")
	if got := o.query(seller(), "SELECT lastname, email, card FROM orders"); got != "Okafor REDACTED <nil>" {
		t.Errorf("approved, the row is %s", got)
	}
	if got := o.query(as("robin", "Marketing"), "SELECT lastname FROM orders"); got != "REDACTED" {
		t.Errorf("for somebody else the row is %s", got)
	}
	o.rule(a.ID, requests.VerdictRevoke, "")
	if got := o.query(seller(), "SELECT lastname FROM orders"); got != "REDACTED" {
		t.Errorf("revoked, the row is %s", got)
	}
}

// However it is written, through whichever agent, and whether it waits, is approved or was denied.
func TestAskingTwiceForTheSameGivesTheSameRequest(t *testing.T) {
	for status, decide := range map[string]func(*office, string){
		"pending":  func(*office, string) {},
		"approved": func(o *office, id string) { o.rule(id, requests.VerdictApprove, "") },
		"denied":   func(o *office, id string) { o.rule(id, requests.VerdictDeny, "no") },
	} {
		o := newOffice(t)
		first := o.ask(
			seller(),
			tools.RequestArgs{Table: "orders", Columns: []string{"lastname", "email"}, Reason: why, Duration: "4h"},
		)
		decide(o, first.ID)
		o.log.steps()
		for name, again := range map[string]struct {
			call tools.Call
			args tools.RequestArgs
		}{
			"as it was":               {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"lastname", "email"}, Reason: why, Duration: "4h"}},
			"with the schema":         {seller(), tools.RequestArgs{Table: "sales.orders", Columns: []string{"lastname", "email"}, Reason: why}},
			"in another order":        {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname"}, Reason: why}},
			"a column twice":          {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname", "email"}, Reason: why}},
			"with one that is clear":  {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"id", "email", "lastname"}, Reason: why}},
			"for longer":              {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname"}, Reason: why, Duration: "30d"}},
			"for another reason":      {seller(), tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname"}, Reason: "curiosity"}},
			"by another agent":        {through(seller(), "another-agent"), tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname"}, Reason: why}},
			"with the platform named": {seller(), tools.RequestArgs{Platform: "shop", Table: "orders", Columns: []string{"email", "lastname"}, Reason: why}},
		} {
			a := o.ask(again.call, again.args)
			if a.ID != first.ID || string(a.Status) != status {
				t.Errorf("%s, asked again %s, it is %+v", status, name, a)
			}
			if r := o.log.last(t); r.Request.Reason != why || r.Request.Duration != "4h" ||
				!slices.Contains(r.Reasons, "the same was asked for before") {
				t.Errorf("%s, asked again %s, the record is %+v of %+v", status, name, r, r.Request)
			}
			same(t, status+", asked again "+name, o.log.steps(), "request_access outcome "+status)
		}
		if n := len(o.kept()); n != 1 {
			t.Errorf("%s: there are %d requests", status, n)
		}
		if p := o.Proposal(
			t.Context(),
			seller(),
			tools.RequestArgs{Table: "orders", Columns: []string{"email", "lastname", "id"}, Reason: why},
		); p != nil {
			t.Errorf("%s: the human is asked about %+v, though there is nothing to ask for", status, p)
		}
	}
}

// Whoever is quicker makes it: both callers get the one.
func TestTheSameAskedForAtOnceIsOneRequest(t *testing.T) {
	o := newOffice(t)
	ids := make(chan string, 8)
	for range cap(ids) {
		go func() {
			a, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{Table: "payroll", Reason: why})
			if err != nil {
				ids <- err.Error()
				return
			}
			ids <- a.ID
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first || !strings.HasPrefix(id, "req_") {
			t.Errorf("the requests are %s and %s", first, id)
		}
	}
}

func TestADenialHoldsForAWhileAndThenTheSameMayBeAskedForAgain(t *testing.T) {
	o := newOffice(t)
	args := tools.RequestArgs{Table: "payroll", Reason: why}
	first := o.ask(seller(), args)
	o.rule(first.ID, requests.VerdictDeny, "not for this")
	o.now = noon.Add(24*time.Hour - time.Nanosecond)
	a := o.ask(seller(), args)
	if a.ID != first.ID ||
		a.NextStep != "you asked for the same before, and this is that request: "+
			"it was denied: do not ask for the same again, tell the human; whoever decided says: not for this" {
		t.Errorf("within a day it is %+v", a)
	}
	o.now = noon.Add(24 * time.Hour)
	if a = o.ask(seller(), args); a.ID == first.ID || a.Status != "pending" {
		t.Errorf("after a day it is %+v", a)
	}
}

func TestWhatWasDeniedAndIsOpenByNowIsOpen(t *testing.T) {
	o := newOffice(t)
	both := tools.RequestArgs{Table: "orders", Columns: []string{"lastname", "email"}, Reason: why}
	o.rule(o.ask(seller(), both).ID, requests.VerdictDeny, "one at a time")
	for _, column := range both.Columns {
		o.rule(
			o.ask(seller(), tools.RequestArgs{Table: "orders", Columns: []string{column}, Reason: why}).ID,
			requests.VerdictApprove,
			"",
		)
	}
	if r := o.refused(seller(), both); r.Message != "that is open already: query it" {
		t.Errorf("%+v", r)
	}
}

func TestRulesDecideByThemselvesWhereTheySay(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "events", Reason: why})
	if a.Status != "approved" || !a.ExpiresAt.Equal(noon.Add(4*time.Hour)) {
		t.Errorf("without a duration it is %+v, not approved for what the rule approves", a)
	}
	same(t, "the record", o.log.steps(), "request_access intent", "request_access outcome approved")
	if got := o.query(seller(), "SELECT what FROM events"); got != "" {
		t.Errorf("it gives %s", got)
	}
	robin := as("robin", "Marketing")
	if a := o.ask(robin, tools.RequestArgs{Table: "events", Reason: why, Duration: "5h"}); a.Status != "pending" {
		t.Errorf("for longer than the rule approves, it is %+v", a)
	}
	if a := o.ask(
		as("kim", "Legal"),
		tools.RequestArgs{Table: "events", Reason: why, Duration: "1h"},
	); a.Status != "pending" {
		t.Errorf("for whom the rule does not approve, it is %+v", a)
	}
	if p := o.Proposal(t.Context(), seller(), tools.RequestArgs{Table: "board", Reason: why}); p != nil {
		t.Errorf("the human is asked about %+v, which a rule says no to", p)
	}
	o.log.steps()
	if a := o.ask(
		seller(),
		tools.RequestArgs{Table: "board", Reason: why},
	); a.Status != "denied" ||
		a.ExpiresAt != nil {
		t.Errorf("what a rule says no to is %+v", a)
	}
	same(t, "the record", o.log.steps(), "request_access intent", "request_access outcome denied")
}

func TestARuleThatAsksIsAnsweredAndNothingElseIs(t *testing.T) {
	o := newOffice(t)
	ask := func(answers map[string]string) error {
		_, err := o.RequestAccess(
			t.Context(),
			seller(),
			tools.RequestArgs{Table: "ledger", Reason: why, Answers: answers},
		)
		return err
	}
	for name, answers := range map[string]map[string]string{
		"no answer": nil, "an empty one": {"ticket": ""}, "blanks": {"ticket": " \t\n"}, "one to something else": {"tickets": "T-1"},
		"one that cannot be seen": {"ticket": "T\u202e1"}, "a long one": {"ticket": strings.Repeat("x", 1001)},
	} {
		if r := refusal(t, ask(answers)); r.Code != tools.InvalidArgument ||
			!strings.Contains(r.Hint, "ticket: The number of the ticket") {
			t.Errorf("%s: %+v", name, r)
		}
		if p := o.Proposal(
			t.Context(),
			seller(),
			tools.RequestArgs{Table: "ledger", Reason: why, Answers: answers},
		); p != nil {
			t.Errorf("%s: the human is asked about %+v", name, p)
		}
	}
	if r := refusal(t, ask(map[string]string{"ticket": "T-1", "approved": "yes"})); !strings.Contains(
		r.Message,
		"no question is named",
	) {
		t.Errorf("an answer too many: %+v", r)
	}
	if len(o.kept()) > 0 {
		t.Fatalf("made all the same: %+v", o.kept())
	}
	o.log.steps()
	p := o.Proposal(
		t.Context(),
		seller(),
		tools.RequestArgs{Table: "ledger", Reason: why, Answers: map[string]string{"ticket": "T-1"}},
	)
	if p == nil || p.Table != "sales.ledger" || p.Reason != why || p.Duration != "8h" ||
		fmt.Sprint(p.Answers) != "[{ticket The number of the ticket T-1}]" {
		t.Errorf("the human is shown %+v", p)
	}
	if err := ask(map[string]string{"ticket": "T-1\n of <Lindqvist>"}); err != nil {
		t.Fatal(err)
	}
	if kept := o.kept(); len(kept) != 1 || kept[0].Answers["ticket"] != "T-1 of <Lindqvist>" {
		t.Errorf("kept is %+v", kept)
	}
	for _, r := range o.log.records {
		if strings.Contains(fmt.Sprintf("%+v %+v", r, r.Request), "Lindqvist") {
			t.Errorf("an answer is on the record: %+v", r)
		}
	}
}

func TestAReasonIsASentenceThatCanBeRead(t *testing.T) {
	o := newOffice(t)
	for name, reason := range map[string]string{
		"none": "", "blanks": " \t\r\n\u00a0\u2028 ", "a terminal code": "please\x1b[2J", "a NUL": "a\x00b", "what turns the text round": "a\u202eb", "what cannot be seen": "a\u200bb",
		"not UTF-8": "a\xff", "too much": strings.Repeat("ä", 1001),
	} {
		if r := o.refused(
			seller(),
			tools.RequestArgs{Table: "payroll", Columns: nil, Reason: reason, Duration: "4h"},
		); r.Code != tools.InvalidArgument ||
			!strings.Contains(r.Message, "the argument reason") ||
			strings.Contains(r.Message, "please") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if len(o.kept()) > 0 || slices.Contains(o.state.calls, "make") {
		t.Errorf("made all the same: %+v", o.kept())
	}
	o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: "  two\nlines " + strings.Repeat("ä", 990)})
	if got := o.kept()[0].Reason; got != "two lines "+strings.Repeat("ä", 990) {
		t.Errorf("the reason is kept as %q", got)
	}
}

func TestForHowLongIsReadStrictly(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct{ duration, kept, says string }{
		{"4h", "4h", ""}, {"30d", "30d", ""}, {"PT4H", "4h", ""}, {"P1D", "1d", ""}, {"1w", "7d", ""}, {"PT90M", "90m", ""}, {"", "8h", ""}, {"720h", "30d", ""},
		{"31d", "", "the argument duration is too long: the rules allow 30d at most"},
		{"PT720H1S", "", "the argument duration is too long: the rules allow 30d at most"},
		{"0h", "", "out of range"}, {"-4h", "", "not a length"}, {"4", "", "not a length"}, {"4 h", "", "not a length"}, {"4H", "", "not a length"}, {"1y", "", "not a length"},
		{"P1M", "", "not a length"}, {"P1Y", "", "not a length"}, {"forever", "", "not a length"}, {"999999w", "", "out of range"}, {"1e3h", "", "not a length"}, {"4h\n", "", "not a length"},
	} {
		args := tools.RequestArgs{Table: "payroll", Reason: why, Duration: tt.duration}
		a, err := o.RequestAccess(t.Context(), seller(), args)
		if tt.says != "" {
			if r := refusal(t, err); r.Code != tools.InvalidArgument || !strings.Contains(r.Message, tt.says) {
				t.Errorf("%q: %+v", tt.duration, r)
			}
			continue
		}
		if err != nil || o.log.last(t).Request.Duration != tt.kept {
			t.Errorf("%q: %+v, %v", tt.duration, o.log.last(t).Request, err)
			continue
		}
		o.ask(seller(), tools.RequestArgs{RequestID: a.ID, Cancel: true})
	}
}

func TestWhatIsOpenOrCannotBeAskedForIsNotKept(t *testing.T) {
	o := newOffice(t)
	for _, tt := range []struct {
		name string
		args tools.RequestArgs
		says string
	}{
		{"a table that is open", tools.RequestArgs{Table: "orders"}, "already_open: that is open already: query it"},
		{"a column that is clear", tools.RequestArgs{Table: "orders", Columns: []string{"id"}}, "already_open: that is open already: query it"},
		{"a column that is not there", tools.RequestArgs{Table: "orders", Columns: []string{"nothing"}}, "invalid_argument: one of the columns is not there: describe_table lists them"},
		{"a column that a mask for everyone hides", tools.RequestArgs{Table: "orders", Columns: []string{"card"}}, "not_permitted: that cannot be asked for here: tell the human to ask an administrator of Deputy"},
		{"a table that no rule covers", tools.RequestArgs{Table: "bonus"}, "not_permitted: that cannot be asked for here: tell the human to ask an administrator of Deputy"},
		{"another platform", tools.RequestArgs{Platform: "lake", Table: "orders"}, `invalid_argument: say which platform to ask: one of ["shop"]`},
		{"nothing, for a reason", tools.RequestArgs{}, "invalid_argument: the argument table is missing: say what is asked for"},
		{"a request and a table", tools.RequestArgs{RequestID: "req_x", Table: "payroll"}, "invalid_argument: send request_id to look a request up, or table and reason to ask, not both"},
		{"a request and a reason", tools.RequestArgs{RequestID: "req_x"}, "invalid_argument: send request_id to look a request up, or table and reason to ask, not both"},
		{"to take back a table", tools.RequestArgs{Table: "payroll", Cancel: true}, "invalid_argument: send request_id to look a request up, or table and reason to ask, not both"},
	} {
		tt.args.Reason = why
		if r := o.refused(seller(), tt.args); r.Error() != tt.says {
			t.Errorf("%s: %s", tt.name, r)
		}
		if p := o.Proposal(t.Context(), seller(), tt.args); p != nil {
			t.Errorf("%s: the human is asked about %+v", tt.name, p)
		}
	}
	if r := o.refused(seller(), tools.RequestArgs{Cancel: true}); !strings.Contains(r.Message, "request_id") {
		t.Errorf("to take back nothing: %+v", r)
	}
	if len(o.kept()) > 0 {
		t.Errorf("made all the same: %+v", o.kept())
	}
}

func TestNobodyHasMoreThanTwentyThatWait(t *testing.T) {
	var script, names strings.Builder
	for i := range 21 {
		fmt.Fprintf(&script, "CREATE TABLE t%d (x integer);", i)
		fmt.Fprintf(&names, "sales.t%d,", i)
	}
	engine := sqliteWith(t, "sales", script.String())
	o := newOffice(t, func(c *tools.Config) {
		p := platforms.Config{Name: "shop", Engine: engine, Discoverable: entitlements.Selectors{"sales"},
			Rules: []requests.Rule{
				{Name: "all", About: entitlements.Selectors{"sales"}, Approvers: match(t, "group:Stewards")},
			}}
		c.Platforms = []platforms.Config{p}
	})
	first := ""
	for i := range 20 {
		a := o.ask(seller(), tools.RequestArgs{Table: fmt.Sprintf("t%d", i), Reason: why})
		if i == 0 {
			first = a.ID
		}
	}
	last := tools.RequestArgs{Table: "t20", Reason: why}
	if r := o.refused(seller(), last); r.Code != tools.TooBusy || !strings.Contains(r.Hint, "without arguments") {
		t.Errorf("one more: %+v", r)
	}
	if o.Proposal(t.Context(), seller(), last) != nil {
		t.Error("the human is asked about one more")
	}
	if a := o.ask(seller(), tools.RequestArgs{Table: "t0", Reason: why}); a.ID != first {
		t.Errorf("what waits already is %+v", a)
	}
	o.ask(as("robin"), last) // another's do not count
	if list := o.ask(seller(), tools.RequestArgs{}); len(list.Requests) != 20 || list.ID != "" {
		t.Errorf("listed are %d", len(list.Requests))
	}
	o.ask(seller(), tools.RequestArgs{RequestID: first, Cancel: true})
	o.ask(seller(), last)
	o.now = noon.Add(14 * 24 * time.Hour) // they have ended by themselves, though nobody wrote it down
	o.ask(seller(), tools.RequestArgs{Table: "t0", Reason: why})
	if list := o.ask(seller(), tools.RequestArgs{}); len(list.Requests) != 1 {
		t.Errorf("after their time, listed are %+v", list.Requests)
	}
}

func match(t *testing.T, text string) *entitlements.Matcher {
	t.Helper()
	m, err := entitlements.Match(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestARequestIsTakenBackAndAnApprovalGivenBack(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "events", Reason: why})
	o.log.steps()
	cancel := tools.RequestArgs{RequestID: a.ID, Cancel: true}
	if a = o.ask(seller(), cancel); a.Status != "cancelled" {
		t.Errorf("taken back, it is %+v", a)
	}
	same(t, "the record", o.log.steps(), audit.Cancel+" intent", audit.Cancel+" outcome cancelled")
	if got := o.query(seller(), "SELECT what FROM events"); !strings.HasPrefix(got, "not_permitted") {
		t.Errorf("and the table gives %s", got)
	}
	if r := o.refused(seller(), cancel); r.Code != tools.Settled ||
		!strings.Contains(r.Message, "nothing to cancel") {
		t.Errorf("a second time: %+v", r)
	}
	if list := o.ask(seller(), tools.RequestArgs{}); list.Requests == nil || len(list.Requests) > 0 {
		t.Errorf("open are %+v", list.Requests)
	}
}

func TestAnAgentOnItsOwnAsksOnlyIfItsRegistrationSaysSo(t *testing.T) {
	o := newOffice(t)
	args := tools.RequestArgs{Table: "payroll", Reason: why}
	if r := o.refused(alone("scanner", false), args); r.Code != tools.NotPermitted ||
		!strings.Contains(r.Message, "registration") {
		t.Errorf("an agent that may not: %+v", r)
	}
	if r := o.refused(alone("scanner", false), tools.RequestArgs{Table: "nothing", Reason: why}); !strings.Contains(
		r.Message,
		"registration",
	) {
		t.Errorf("and it is told nothing of tables: %+v", r)
	}
	a := o.ask(alone("scanner", true), args)
	if r := o.log.last(t); r.Request.User != "" || r.Request.Agent != "scanner" || r.Mode != "autonomous" {
		t.Errorf("the record is %+v of %+v", r, r.Request)
	}
	o.rule(a.ID, requests.VerdictApprove, "")
	if got := o.query(alone("scanner", true), "SELECT salary FROM payroll"); got != "731942" {
		t.Errorf("approved, it gives %s", got)
	}
	for name, call := range map[string]tools.Call{"for a human": through(seller(), "scanner"), "of another agent": alone("other", true)} {
		if got := o.query(call, "SELECT salary FROM payroll"); !strings.HasPrefix(got, "not_permitted") {
			t.Errorf("to a call %s it gives %s", name, got)
		}
	}
}

func TestWithoutTheScopeRequestNothingIsAskedFor(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why})
	o.log.steps()
	o.state.calls = nil
	for _, args := range []tools.RequestArgs{{}, {Table: "ledger", Reason: why}, {RequestID: a.ID}, {RequestID: a.ID, Cancel: true}} {
		if r := o.refused(limited("query", "describe", "approve"), args); r.Code != tools.NotPermitted ||
			!strings.Contains(r.Message, "scope request") {
			t.Errorf("%+v: %+v", args, r)
		}
		if o.Proposal(t.Context(), limited("query"), args) != nil {
			t.Errorf("%+v: the human is asked", args)
		}
	}
	if len(o.state.calls) > 0 {
		t.Errorf("the state is asked: %v", o.state.calls)
	}
	o.ask(limited(identity.ScopeRequest), tools.RequestArgs{RequestID: a.ID})
}

func TestWhereNothingIsKeptNothingIsAskedFor(t *testing.T) {
	o := newOffice(t, func(c *tools.Config) { c.Requests = nil })
	for _, args := range []tools.RequestArgs{{}, {Table: "payroll", Reason: why}, {Table: "hidden", Reason: why}, {RequestID: "req_x"}} {
		if r := o.refused(
			seller(),
			args,
		); r.Code != tools.NotPermitted ||
			r.Message != "access cannot be asked for here" ||
			r.Hint != "tell the human to ask an administrator of Deputy" {
			t.Errorf("%+v: %+v", args, r)
		}
	}
	if o.Proposal(t.Context(), seller(), tools.RequestArgs{Table: "payroll", Reason: why}) != nil {
		t.Error("the human is asked")
	}
}

// A state that fails in a way nothing is known of closes everything: what was approved may have been revoked.
func TestWithTheStateDownNothingIsAnsweredAndThatIsOnTheRecord(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why})
	o.rule(a.ID, requests.VerdictApprove, "")
	o.log.steps()
	o.state.down = errors.New("dial tcp 10.0.0.7:5432: connection refused")
	calls := map[string]func() error{
		"query": func() error {
			_, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: "SELECT id FROM orders"})
			return err
		},
		"describe": func() error { _, err := o.DescribeTable(t.Context(), seller(), tools.DescribeArgs{}); return err },
		"ask": func() error {
			_, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{Table: "ledger", Reason: why})
			return err
		},
		"ask unknown": func() error {
			_, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{Table: "nothing", Reason: why})
			return err
		},
		"list": func() error { _, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{}); return err },
		"look up": func() error {
			_, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{RequestID: a.ID})
			return err
		},
		"cancel": func() error {
			_, err := o.RequestAccess(t.Context(), seller(), tools.RequestArgs{RequestID: a.ID, Cancel: true})
			return err
		},
	}
	for name, call := range calls {
		r := refusal(t, call())
		if r.Code != tools.Unavailable || strings.Contains(fmt.Sprint(r), "10.0.0.7") {
			t.Errorf("%s: %+v", name, r)
		}
		if record := o.log.last(t); record.ID != r.AuditID || record.Outcome != audit.Failed ||
			record.Code != string(tools.Unavailable) ||
			strings.Contains(fmt.Sprint(record), "10.0.0.7") {
			t.Errorf("%s: the record is %+v", name, record)
		}
	}
	if o.Proposal(t.Context(), seller(), tools.RequestArgs{Table: "ledger", Reason: why}) != nil {
		t.Error("the human is asked")
	}
}

// The intent is durable before anything is kept, and without it nothing is.
func TestWithoutAnAuditLogNothingIsMadeOrTakenBack(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why})
	o.state.calls = nil
	o.log.failure = errors.New("disk full")
	for _, args := range []tools.RequestArgs{{Table: "ledger", Reason: why, Answers: map[string]string{"ticket": "T-1"}}, {Table: "events", Reason: why}, {RequestID: a.ID, Cancel: true}, {}, {RequestID: a.ID}} {
		if r := o.refused(seller(), args); r.Code != tools.Unavailable {
			t.Errorf("%+v: %+v", args, r)
		}
	}
	if slices.Contains(o.state.calls, "make") || slices.Contains(o.state.calls, "step") || len(o.kept()) != 1 ||
		o.kept()[0].Status != requests.StatusPending {
		t.Errorf("the state was asked %v and has %+v", o.state.calls, o.kept())
	}
}

// When the state fails after the intent, the outcome says that the call failed, and names the request all the same.
func TestARequestThatCouldNotBeKeptIsOnTheRecordAsFailed(t *testing.T) {
	o := newOffice(t)
	args := tools.RequestArgs{Table: "payroll", Reason: why}
	o.state.Store = failing{o.state.Store}
	if r := o.refused(seller(), args); r.Code != tools.Unavailable {
		t.Errorf("%+v", r)
	}
	if r := o.log.last(t); r.Request == nil || r.Request.Status != "" || r.Outcome != audit.Failed {
		t.Errorf("the record is %+v", r)
	}
	same(t, "the record", o.log.steps(), "request_access intent", "request_access outcome failed")
}
