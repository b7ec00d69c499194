package platforms

import (
	"deputy/entitlements"
	"deputy/identity"
)

// About are the tables whose names stand in a text, without those that the policies compiled last hide from who asks:
// of a lock on a hidden table the caller's calls are to show nothing, and they cannot meet it.
func (p *Platform) About(who identity.Principal, sql string) (tables []string) {
	catalog, policies := p.Catalog(), p.Last()
	if catalog == nil || policies == nil {
		return nil
	}
	dialect := p.Engine.Dialect()
	names := dialect.Names(sql)
	for _, t := range catalog.Tables {
		if names[dialect.Fold(t.Name)] && mayKnow(policies.Decide(who, t.TableName)) {
			tables = append(tables, t.TableName.String())
		}
	}
	return tables
}

func mayKnow(_ entitlements.Access, denial *entitlements.Denial) bool {
	return denial == nil || denial.Requestable || denial.Closed
}
