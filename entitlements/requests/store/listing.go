package store

import (
	"strings"
	"time"

	"deputy/entitlements/requests"
)

// listed is how many requests a list has when nobody says.
const listed = 1000

// effective is what a request's status is now, in SQL. Each has the time as its only value.
var effective = map[requests.Status]string{
	requests.StatusPending:  `status = 'pending' AND ends > ?`,
	requests.StatusApproved: `status = 'approved' AND ends > ?`,
	requests.StatusExpired:  `status = 'expired' OR status IN ('pending', 'approved') AND ends <= ?`,
}

// listing is the query of a list, and its values.
func listing(f requests.Filter, now time.Time) (string, []any) {
	conditions, values := []string{"1 = 1"}, []any{}
	where := func(condition string, v ...any) {
		conditions, values = append(conditions, condition), append(values, v...)
	}
	if f.Asker != nil {
		where("asker = ?", digest(f.Asker.Key()))
	}
	if f.Platform != "" {
		where("platform = ?", f.Platform)
	}
	if f.Table != nil {
		where("table_schema = ? AND table_name = ?", f.Table.Schema, f.Table.Name)
	}
	if !f.Since.IsZero() {
		where("created >= ?", nanos(f.Since))
	}
	if len(f.Status) > 0 {
		var any []string
		for _, status := range f.Status {
			if condition, moves := effective[status]; moves {
				any, values = append(any, condition), append(values, nanos(now))
			} else {
				any, values = append(any, "status = ?"), append(values, string(status))
			}
		}
		where("(" + strings.Join(any, " OR ") + ")")
	}
	most := f.Most
	if most <= 0 {
		most = listed
	}
	return `SELECT ` + columns + ` FROM deputy_state.requests WHERE ` + strings.Join(
			conditions,
			" AND ",
		) + ` ORDER BY created DESC, id LIMIT ?`, append(
			values,
			most,
		)
}
