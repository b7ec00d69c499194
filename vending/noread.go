package vending

import "strings"

// noReads are statements that only show something and are no read, with what to do instead.
var noReads = map[string]string{
	"explain":  "plans are not shown: send the SELECT itself",
	"show":     "settings are not shown",
	"pragma":   "settings are not shown; describe_table shows tables and columns",
	"describe": "describe_table shows tables and columns",
	"desc":     "describe_table shows tables and columns",
}

// NoRead says why a text that begins with such a word is not run; empty for any other.
func (d Dialect) NoRead(sql string) string {
	for _, t := range d.tokens(sql) {
		if t.empty() {
			continue
		}
		if why := noReads[t.name]; why != "" && t.end-t.start == len(t.name) {
			return strings.ToUpper(t.name) + " cannot be used here: " + why
		}
		return ""
	}
	return ""
}
