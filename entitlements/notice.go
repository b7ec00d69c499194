package entitlements

import "fmt"

// Notice is the sentence for the caller about a column that the mask hides; where says in which rows.
func (m AppliedMask) Notice(table TableName, column, where string) string {
	if m.BuiltIn() {
		return fmt.Sprintf(
			"%s.%s is hidden (NULL): it is New in the database, and no administrator has accepted it yet",
			table,
			column,
		)
	}
	return fmt.Sprintf("%s.%s is masked (%s)%s by policy %q", table, column, m.Kind, where, m.Policy)
}
