package entitlements

import (
	"fmt"
	"time"

	"deputy/entitlements/expression"
)

// What an explanation shows of a policy reads as it does in the file: whatever stands here can be pasted there.

// Rule is what the filter asks of a row, for people to read.
func (f Filter) Rule() string {
	switch {
	case f.Within != nil:
		return fmt.Sprintf("%s within the last %s", f.Within.Column.Name, span(f.Within.Last))
	case f.Sample != nil:
		return f.Sample.String() + " of the rows"
	}
	return expression.Text(f.Where)
}

// span is a length of time as it is written in a policy.
func span(d time.Duration) string {
	if hours := int(d.Hours()); hours%24 != 0 {
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
