package report

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"deputy/entitlements/requests/store"
)

// Migrations writes how far a state database is.
func Migrations(out io.Writer, all []store.Migration) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range all {
		name, applied := m.Name, "not yet: run deputy migrate"
		if name == "" {
			name = "of a newer Deputy"
		}
		if m.Applied != nil {
			applied = m.Applied.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, name, applied)
	}
	return w.Flush()
}
