package entitlements

import "fmt"

// Notice is the sentence for the caller about a column that the mask hides, by its name as a statement takes it; where
// says in which rows.
func (m AppliedMask) Notice(column, where string) string {
	if m.BuiltIn() {
		return fmt.Sprintf(
			"%s is hidden (NULL): it is New in the database, and no administrator has accepted it yet",
			column,
		)
	}
	return fmt.Sprintf("%s is masked (%s)%s by policy %q", column, m.Kind, where, m.Policy)
}
