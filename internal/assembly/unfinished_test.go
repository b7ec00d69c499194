package assembly_test

import (
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/internal/demo"
)

// A server is killed between the intent to take something away and the step, or the state is put back to before the
// step: the next start takes it, before anything that was approved counts.
func TestUnfinishedRevokeIsTaken(t *testing.T) {
	for _, tool := range []string{audit.Revoke, audit.Approve} {
		t.Run(tool, func(t *testing.T) {
			w := withoutRules(t)
			w.write(w.text + rules)
			a, err := w.asks(lastnames)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.decides(a.ID, requests.VerdictApprove); err != nil {
				t.Fatal(err)
			}
			w.Close()
			log, err := audit.Open(audit.Config{Path: w.audit})
			if err != nil {
				t.Fatal(err)
			}
			intent := audit.Record{
				ID: "unfinished", Phase: audit.Intent, Time: time.Now().UTC(), Tool: tool, Mode: audit.InPerson,
				User: &audit.Party{ID: "priya", Issuer: "https://idp.example"}, Request: &audit.Request{ID: a.ID},
			}
			if err := log.Append(t.Context(), intent); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			want := "REDACTED"
			if tool == audit.Approve { // what adds is not taken again, and takes nothing away
				want = demo.Names[0]
			}
			for range 2 {
				w.again()
				if got := w.sees(); got != want {
					t.Errorf("after the start, Taylor sees %s and not %s", got, want)
				}
				w.Close()
			}
			said := 0 // on the record, once
			for _, r := range w.records() {
				if r.Tool == audit.NoteState && strings.Contains(strings.Join(r.Reasons, ""), a.ID) {
					said++
				}
			}
			if (said == 1) != (tool == audit.Revoke) {
				t.Errorf("%d records say that it was ended", said)
			}
		})
	}
}
