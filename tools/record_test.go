package tools_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"deputy/audit"
	"deputy/tools"
	"deputy/vending"
)

func TestAnIntentIsDurableBeforeTheStatementRunsAndAnOutcomeBeforeAnyRowLeaves(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		log := &memory{}
		var before []audit.Record
		watched := &changing{Engine: e, run: func(ctx context.Context, l vending.Lease) (vending.Result, error) {
			if l.ID == "rehearsal0" { // which reads no row
				return e.Run(ctx, l)
			}
			if l.Recorded == nil {
				t.Fatal("the engine has nothing to wait for")
			}
			wait := l.Recorded
			l.Recorded = func(ctx context.Context) error {
				err := wait(ctx)
				log.mu.Lock()
				defer log.mu.Unlock()
				before = append(before, log.records...)
				return err
			}
			return e.Run(ctx, l)
		}}
		made, err := tools.New(t.Context(), toolsConfig(t, watched, log, ""))
		if err != nil {
			t.Fatal(err)
		}
		result, err := made.Query(
			t.Context(),
			as("taylor", "Marketing"),
			tools.QueryArgs{SQL: `SELECT lastname FROM customer_orders`},
		)
		if err != nil {
			t.Fatal(err)
		}
		if len(before) != 1 || len(log.records) != 2 {
			t.Fatalf("%d records before the statement, %d in all", len(before), len(log.records))
		}
		intent, outcome := log.records[0], log.records[1]
		if intent.Phase != audit.Intent || outcome.Phase != audit.Ended || intent.ID != result.AuditID ||
			outcome.ID != result.AuditID {
			t.Errorf("the two records are %+v and %+v", intent, outcome)
		}
		if intent.SQL == "" || intent.User.ID != "taylor" || intent.Role.Name != result.Role || len(intent.Tables) != 1 ||
			len(intent.Tables[0].Masked) != 1 ||
			intent.Outcome != "" {
			t.Errorf("the intent does not have what is known before: %+v", intent)
		}
		if outcome.Rows != 2 || outcome.Role.Vended.IsZero() || outcome.Outcome != audit.Answered {
			t.Errorf("the outcome does not have what happened: %+v", outcome)
		}
	})
}

// Who saw personal data is told from the record alone: by its tags, and also when only some rows showed it.
func TestTheRecordSaysWhatWasInTheClear(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, `
- name: totals of the west are hidden
  mask: [sales.customer_orders.order_total]
  with: null
  when: region = 'US-WEST'
`)
		for group, want := range map[string][]audit.ClearColumn{
			"Marketing": {{Column: "order_total", Partly: true}},
			"Privacy":   {{Column: "lastname", Tags: []string{"PII"}}, {Column: "order_total", Partly: true}},
		} {
			if _, err := made.Query(t.Context(), as("somebody", "Marketing", group), tools.QueryArgs{SQL: `SELECT lastname, region, order_total FROM customer_orders`}); err != nil {
				t.Fatal(err)
			}
			table := log.last(t).Tables[0]
			if !reflect.DeepEqual(table.Clear, want) {
				t.Errorf("of a call of %s the record says in the clear: %+v", group, table.Clear)
			}
			var names []string
			for _, c := range table.InClear() {
				names = append(names, c.Column)
			}
			if hidden := group == "Marketing"; slices.Contains(names, "lastname") == hidden ||
				!slices.Contains(names, "region") ||
				!slices.Contains(names, "order_total") {
				t.Errorf("%s saw %v", group, names)
			}
		}
	})
}

// unwilling records no intent, or no outcome.
type unwilling struct {
	memory
	phase audit.Phase
}

func (u *unwilling) Append(ctx context.Context, r audit.Record) error {
	if r.Phase == u.phase {
		return errors.New("the disk is full")
	}
	return u.memory.Append(ctx, r)
}

func TestWithoutAnIntentNothingRunsAndWithoutAnOutcomeNothingIsAnswered(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		for _, phase := range []audit.Phase{audit.Intent, audit.Ended} {
			made, err := tools.New(t.Context(), toolsConfig(t, e, &unwilling{phase: phase}, ""))
			if err != nil {
				t.Fatal(err)
			}
			result, err := made.Query(
				t.Context(),
				as("taylor", "Marketing"),
				tools.QueryArgs{SQL: `SELECT region FROM customer_orders`},
			)
			if r := refusal(t, err); result != nil || r.Code != tools.Unavailable {
				t.Errorf("without %s: %+v %+v", phase, result, r)
			}
		}
		// An engine that does not wait for the intent gives no rows either.
		hasty := &changing{Engine: e, run: func(ctx context.Context, l vending.Lease) (vending.Result, error) {
			l.Recorded = nil
			return e.Run(ctx, l)
		}}
		made, err := tools.New(t.Context(), toolsConfig(t, hasty, &unwilling{phase: audit.Intent}, ""))
		if err != nil {
			t.Fatal(err)
		}
		if result, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: `SELECT region FROM customer_orders`}); err == nil {
			t.Errorf("an engine in a hurry gives %+v", result)
		}
	})
}

func TestACallThatRunsNothingHasOneRecord(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		made.Query(t.Context(), as("sam"), tools.QueryArgs{SQL: `SELECT region FROM customer_orders`})
		made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: `DELETE FROM customer_orders`})
		made.DescribeTable(t.Context(), as("taylor", "Marketing"), tools.DescribeArgs{})
		if len(log.records) != 3 {
			t.Errorf("three calls that ran no statement have %d records", len(log.records))
		}
		for _, r := range log.records {
			if r.Phase != audit.Ended {
				t.Errorf("the record of a call that ran nothing is of phase %q", r.Phase)
			}
		}
	})
}
