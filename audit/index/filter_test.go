package index_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deputy/audit"
	"deputy/audit/index"
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// some records of a call, with little variety, so that filters find something.
func someCall(r *rand.Rand, id string) (out []audit.Record) {
	rec := audit.Record{
		ID: id, Time: began.Add(time.Duration(r.IntN(100)) * time.Hour), Tool: pick(r, "query", "query", "describe_table"), Agent: audit.Party{ID: pick(r, "a", "b", "b", ""), Groups: pick(r, nil, []string{"G"})},
		Purpose: pick(
			r,
			"",
			"",
			"billing",
		), PolicyVersion: pick(r, "1", "2"), SQL: "SELECT \"\u202e\n" + id, Phase: audit.Ended,
	}
	if r.IntN(3) > 0 {
		rec.User = &audit.Party{ID: pick(r, "u", "v", `w"\`), Issuer: pick(r, "i", "j"), Name: pick(r, "", "Vera")}
	}
	for range r.IntN(3) {
		t := audit.Table{
			Name:    pick(r, "s.t", "s.u", "r.t"),
			Columns: slices.Clone(pick(r, nil, []string{"a"}, []string{"a", "b"})),
		}
		for _, c := range t.Columns {
			switch r.IntN(4) {
			case 0:
				t.Masked = append(t.Masked, audit.MaskedColumn{Column: c, Mask: "null", Policy: "p"})
			case 1:
				t.Clear = append(t.Clear, audit.ClearColumn{Column: c, Tags: []string{pick(r, "PII", "PII.Name", "PIIX")}})
			case 2:
				t.Masked = append(t.Masked, audit.MaskedColumn{Column: c, Mask: "null", Policy: "p"})
				t.Clear = append(t.Clear, audit.ClearColumn{Column: c, Partly: true})
			}
		}
		t.Requests = slices.Clone(pick(r, nil, nil, []string{"q"}, []string{"q", "s"}))
		rec.Tables = append(rec.Tables, t)
	}
	if r.IntN(3) == 0 {
		rec.Request = &audit.Request{ID: pick(r, "q", "r"), Status: "pending"}
	}
	intent := rec
	intent.Phase = audit.Intent
	rec.Outcome, rec.Rows = pick(r, audit.Answered, audit.Answered, audit.Denied, audit.Failed, audit.Cancelled), r.IntN(9)
	switch r.IntN(5) {
	case 0: // refused before it had an intent, or the server dies
		return []audit.Record{rec}
	case 1:
		return []audit.Record{intent}
	case 2: // it could not be written in time
		again := rec
		again.Outcome = audit.Failed
		return []audit.Record{intent, rec, again}
	}
	return []audit.Record{intent, rec}
}

func someFilter(r *rand.Rand) (f index.Filter) {
	for range r.IntN(4) {
		switch r.IntN(14) {
		case 0:
			f.User = pick(r, "u", "v", "Vera", "nobody", `w"\`)
		case 1:
			f.Agent = pick(r, "a", "b", "c")
		case 2:
			human := r.IntN(2) == 0
			f.OnBehalfOf = &human
		case 3:
			f.Tool = pick(r, "query", "describe_table")
		case 4:
			f.Purpose = "billing"
		case 5:
			f.PolicyVersion = pick(r, "1", "2")
		case 6:
			f.Table = pick(r, "s.*", "*.t", "s.t", "x")
		case 7, 8:
			f.InClear = index.Column(pick(r, "s.t.a", "*.b", "tag:PII", "tag:PII.Name", "s.*", "*"))
		case 9:
			f.Masked = true
		case 10:
			f.Outcome = pick(r, audit.Answered, audit.Denied, audit.Failed, audit.Unknown, audit.Begun)
		case 11:
			f.Since = time.Date(pick(r, 1, 1700, 3000), 1, 1, 0, 0, 0, 0, time.UTC)
		case 13:
			f.Request = pick(r, "q", "r", "s", "none")
		case 12:
			f.Since, f.Until = began.Add(time.Duration(r.IntN(60))*time.Hour), began.Add(time.Duration(40+r.IntN(60))*time.Hour)
		}
	}
	return f
}

// Whatever is asked of whatever log, the index answers as a reader would who goes through all of the log.
func TestTheIndexFindsWhatAReaderOfTheWholeLogFinds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		r := rand.New(rand.NewPCG(seed, 1))
		f := newFile(t)
		f.rotate = 5000
		for round := range 2 {
			var records []audit.Record
			for i := range 12 {
				records = append(records, someCall(r, fmt.Sprintf("%d-%d", round, i))...)
			}
			f.write(t, records...) // a call that has no outcome is unknown by the next
			x, _ := f.opened(t)
			all, err := audit.Calls(audit.Records(f.path))
			if err != nil {
				rt.Fatal(err)
			}
			for range 40 {
				filter := someFilter(r)
				want := slices.DeleteFunc(slices.Clone(all), func(c audit.Call) bool { return !filter.Match(c) })
				limit := r.IntN(4)
				if limit > 0 && limit < len(want) {
					want = want[len(want)-limit:]
				}
				var found []audit.Call
				for c, err := range x.Find(filter, limit) {
					if err != nil {
						rt.Fatal(err)
					}
					found = append(found, c)
				}
				if got, want := texts(found), texts(want); got != want {
					rt.Fatalf("seed %d: %+v finds\n%s\nand a reader\n%s", seed, filter, got, want)
				}
				if limit == 0 {
					report, err := x.Report(filter, "")
					if err != nil || report.Calls != int64(len(want)) {
						rt.Fatalf("seed %d: %+v: the report counts %d calls of %d (%v)", seed, filter, report.Calls, len(want), err)
					}
				}
			}
		}
	})
}

func texts(calls []audit.Call) string {
	var b strings.Builder
	for _, c := range calls {
		line, _ := c.JSON()
		fmt.Fprintf(&b, "%s %s", c.Ending(), line)
	}
	return b.String()
}

func TestAFilterThatCannotBeMeantIsRefused(t *testing.T) {
	for _, f := range []index.Filter{{Table: "[", InClear: ""}, {InClear: "a[b"}, {InClear: "tag:"}, {Since: began, Until: began}} {
		if f.Check() == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// A column that is masked in some rows only was seen in the others, and one that nobody can have seen is not counted as
// seen.
func TestWhatWasSeenInTheClear(t *testing.T) {
	table := audit.Table{Name: "s.t", Columns: []string{"plain", "masked", "partly", "tagged"},
		Masked: []audit.MaskedColumn{{Column: "masked"}, {Column: "partly"}},
		Clear:  []audit.ClearColumn{{Column: "partly", Partly: true}, {Column: "tagged", Tags: []string{"PII.Name"}}}}
	for _, c := range []struct {
		column  index.Column
		outcome audit.Outcome
		tool    string
		seen    bool
	}{
		{"s.t.plain", audit.Answered, "query", true},
		{"s.t.masked", audit.Answered, "query", false},
		{"s.t.partly", audit.Answered, "query", true},
		{"tag:PII", audit.Answered, "query", true},
		{"tag:PI", audit.Answered, "query", false},
		{"tag:PII.Name.Last", audit.Answered, "query", false},
		{"tag:PII", audit.Unknown, "query", true},
		{"tag:PII", audit.Denied, "query", false},
		{"tag:PII", audit.Failed, "query", false},
		{"tag:PII", audit.Answered, "describe_table", false},
		{"s.t.plain", audit.Answered, "scan", true},
	} {
		r := audit.Record{ID: "x", Tool: c.tool, Outcome: c.outcome, Tables: []audit.Table{table}}
		if got := (index.Filter{InClear: c.column}).Match(audit.NewCall(nil, &audit.Entry{Record: r})); got != c.seen {
			t.Errorf("%s of a call of %s that was %s: seen is %t", c.column, c.tool, c.outcome, got)
		}
	}
}
