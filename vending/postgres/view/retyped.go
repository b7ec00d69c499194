package view

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"deputy/entitlements"
)

// Retyped is a fingerprint of the types that accesses show, where masks make one of them another than its column's;
// empty: none does. Leases with the same text see the same types.
func Retyped(access []entitlements.Access) string {
	hash, is := sha256.New(), false
	for _, a := range access {
		fmt.Fprintf(hash, "%q %q\n", a.Table.Schema, a.Table.Name)
		for _, c := range a.Columns {
			shown := ShownType(c)
			is = is || shown != c.Type
			fmt.Fprintf(hash, " %q %q", c.Shown(), shown)
			if shown == "" { // what PostgreSQL makes of an administrator's expression
				for _, m := range c.Masks {
					fmt.Fprintf(hash, " %q %v", m.Kind, m.SQL)
				}
			}
			fmt.Fprintln(hash)
		}
	}
	if !is {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}
