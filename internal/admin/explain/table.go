package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/internal/admin"
)

// found is a table, or one of its columns, and the platform that has it.
type found struct {
	platform string
	entitlements.TableName
	column string
}

func (f found) String() string {
	name := f.TableName.String()
	if f.column != "" {
		name += "." + f.column
	}
	return f.platform + ": " + name
}

// findTable looks for [SCHEMA.]TABLE[.COLUMN] on the platforms. Whole names come first; one without a schema will do
// when it is the only one.
func findTable(platforms map[string]*requests.Compiled, name string) (found, error) {
	var whole, short []found
	var known []string
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		for _, table := range platforms[platform].Tables() {
			columns := append([]string{""}, platforms[platform].Columns(table)...)
			for _, column := range columns {
				f := found{platform, table, column}
				full, bare := table.String(), table.Name
				if column != "" {
					full, bare = full+"."+column, bare+"."+column
				}
				known = append(known, full, bare)
				switch name {
				case full:
					whole = append(whole, f)
				case bare:
					short = append(short, f)
				}
			}
		}
	}
	if len(whole) == 0 {
		whole = short
	}
	switch len(whole) {
	case 1:
		return whole[0], nil
	case 0:
		return found{}, fmt.Errorf(
			"there is no table or column %s%s",
			name,
			cmp.Or(admin.Near(name, known), ": deputy explain without one lists all tables"),
		)
	}
	var names []string
	for _, f := range whole {
		names = append(names, f.String())
	}
	return found{}, fmt.Errorf(
		"%s could be any of %s: say the whole name, and --platform if needed",
		name,
		strings.Join(names, ", "),
	)
}
