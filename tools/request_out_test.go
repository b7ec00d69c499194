package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/tools"
)

// An approval only ever adds. Without the state, what rests on no approval is answered, with a notice; what does rest
// on one, or may, is closed; and what may not be known of is not there, as ever.
func TestStateOutOfReach(t *testing.T) {
	o := newOffice(t)
	table := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why})
	columns := o.ask(seller(), tools.RequestArgs{Table: "orders", Columns: []string{"lastname"}, Reason: why})
	for _, a := range []*tools.AccessRequest{table, columns} {
		o.rule(a.ID, requests.VerdictApprove, "")
	}
	const names, salaries = "SELECT lastname FROM orders", "SELECT salary FROM payroll"
	for sql, want := range map[string]string{names: "Okafor", salaries: "731942"} {
		if got := o.query(seller(), sql); !strings.Contains(got, want) {
			t.Fatalf("approved, %s gives %s", sql, got)
		}
	}
	o.state.down = fmt.Errorf("%w: dial tcp 10.0.0.7:5432: connection refused", requests.ErrOut)
	r, err := o.Query(t.Context(), seller(), tools.QueryArgs{SQL: names})
	if err != nil || fmt.Sprint(r.Rows) != "[[REDACTED]]" ||
		!strings.Contains(strings.Join(r.Notices, "\n"), "what was approved on request cannot be looked up now") {
		t.Errorf("names: %+v, %v", r, err)
	}
	if last := o.log.last(t); last.Outcome != audit.Answered || len(last.Tables[0].Requests) != 0 {
		t.Errorf("the record is %+v", last)
	}
	closed := refusal(t, second(o.Query(t.Context(), seller(), tools.QueryArgs{SQL: salaries})))
	if closed.Code != tools.Unavailable ||
		!strings.Contains(closed.Message, "sales.payroll is closed without an approved") ||
		strings.Contains(fmt.Sprint(closed), "10.0.0.7") {
		t.Errorf("what was approved is refused with %+v", closed)
	}
	var beside []string
	for _, name := range []string{"hidden", "absent"} {
		sql := "SELECT 1 FROM " + name + ", payroll"
		beside = append(beside, answer(refusal(t, second(o.Query(t.Context(), seller(), tools.QueryArgs{SQL: sql})))))
	}
	if beside[0] != beside[1] || !strings.HasPrefix(beside[0], "not_permitted") {
		t.Errorf("what is hidden is refused with %s, and what is not there with %s", beside[0], beside[1])
	}
	d, err := o.DescribeTable(t.Context(), seller(), tools.DescribeArgs{Table: "payroll"})
	if err != nil || strings.Contains(d.HowToAsk, "request_access") ||
		!strings.Contains(d.HowToAsk, "cannot be looked up") {
		t.Errorf("described as %+v, %v", d, err)
	}
	asked := refusal(t, second(o.RequestAccess(t.Context(), seller(), tools.RequestArgs{Table: "ledger", Reason: why})))
	if asked.Code != tools.Unavailable || !strings.Contains(asked.Message, "access requests cannot be looked up") {
		t.Errorf("asking is refused with %+v", asked)
	}
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }

// The outcome of a step says how far it brought the state.
func TestStepsSayHowFarTheStateIs(t *testing.T) {
	o := newOffice(t)
	a := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why})
	for i, v := range []requests.Verdict{requests.VerdictApprove, requests.VerdictRevoke} {
		o.rule(a.ID, v, "")
		last := o.log.last(t)
		if want := o.state.Reached(); last.State == nil || last.State.Sequence != int64(i+2) ||
			last.State.Event != want.Event || want.Event == "" {
			t.Errorf("%s: the record knows %+v, and the state is at %+v", v, last.State, want)
		}
	}
}
