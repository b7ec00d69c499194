package tools

import (
	"testing"
	"time"

	"deputy/entitlements"
)

func TestAStatementGetsNoLongerThanWhatIsLeftOfItsApproval(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	q := &question{
		Tools:  &Tools{config: Config{Limits: Limits{Timeout: 10 * time.Minute}, Now: func() time.Time { return now }}},
		record: &record{},
	}
	for _, tt := range []struct {
		name  string
		until []time.Time // of the tables; zero: no approval
		want  time.Duration
	}{
		{"without an approval", []time.Time{{}}, 10 * time.Minute},
		{"with one that lasts", []time.Time{now.Add(time.Hour)}, 10 * time.Minute},
		{"with one that ends before", []time.Time{{}, now.Add(90 * time.Second)}, 90 * time.Second},
		{"with several, the first that ends", []time.Time{now.Add(3 * time.Minute), now.Add(time.Minute), {}}, time.Minute},
		{"with one that has just ended", []time.Time{now}, time.Millisecond}, // none would be without limit
	} {
		var access []entitlements.Access
		for _, until := range tt.until {
			access = append(access, entitlements.Access{Until: until})
		}
		if got := q.lease(access).Timeout; got != tt.want {
			t.Errorf("%s a statement gets %v and not %v", tt.name, got, tt.want)
		}
	}
}
