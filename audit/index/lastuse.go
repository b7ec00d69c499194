package index

import (
	"slices"
	"time"

	"deputy/audit"
)

// LastUses says when an agent's credentials were last used for a call, by what records call them. It looks at the
// newest calls of the agent first, and at most at so many: whole is false when there are more, and some of the wanted
// were not found.
func (x *Index) LastUses(agent string, wanted []string, most int) (uses map[string]time.Time, whole bool, err error) {
	uses, whole = map[string]time.Time{}, true
	looked := 0
	x.find(Filter{Agent: agent}, "DESC", func(c audit.Call, failed error) bool {
		if err = failed; err != nil {
			return false
		}
		if looked == most {
			whole = false
			return false
		}
		looked++
		if _, later := uses[c.Credential]; !later && c.Tool != audit.Authenticate && slices.Contains(wanted, c.Credential) {
			uses[c.Credential] = c.Time
		}
		return len(uses) < len(wanted)
	})
	return uses, whole, err
}
