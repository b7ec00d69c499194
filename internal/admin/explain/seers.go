package explain

import (
	"context"
	"slices"
	"strings"
	"time"

	"deputy/audit/index"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/report"
)

// Seers says who sees a column: the kinds of people whom the policies tell apart, and by name the users of the
// configuration and the people of the record, with what was approved for them. A nil log has no people.
func Seers(
	ctx context.Context,
	cfg *config.Config,
	platform, column string,
	log *index.Index,
) (x report.Seers, err error) {
	site, err := admin.Open(cfg)
	if err != nil {
		return x, err
	}
	defer site.Close()
	platforms, err := site.Compile(ctx)
	if err != nil {
		return x, err
	}
	if platforms, err = admin.OnlyOf(platforms, platform); err != nil {
		return x, err
	}
	f, err := findTable(platforms, column)
	if err != nil {
		return x, err
	}
	if f.column == "" {
		names := platforms[f.platform].Columns(f.TableName)
		return x, admin.Usagef("%s is a table: say which column, such as %s.%s: it has %s",
			column, column, names[0], strings.Join(names, ", "))
	}
	s := review.Side{
		Agents:    cfg.Registry().Agents(),
		Platforms: map[string]*entitlements.Entitlements{f.platform: platforms[f.platform].Entitlements},
	}
	for _, u := range cfg.Identity.Users {
		i, err := u.Identity()
		if err != nil {
			return x, err
		}
		s.Users = append(s.Users, i)
	}
	x = report.Seers{Platform: f.platform, Table: f.TableName.String(), Column: f.column, People: []report.Person{}}
	x.Kinds = append([]review.Seer{}, s.Seers(f.platform, f.TableName, f.column)...)
	requested, err := approved(ctx, cfg)
	if err != nil {
		return x, err
	}
	var recorded []index.Person
	if log != nil {
		if recorded, err = log.People(); err != nil {
			return x, err
		}
	}
	for _, person := range people(s.Users, recorded) {
		seers := s.Person(person.Who, func(p identity.Principal) (review.Seen, bool) {
			only := map[string]*requests.Compiled{f.platform: platforms[f.platform]}
			approve(only, requested, &p, time.Now())
			return review.SeenBy(only[f.platform].Entitlements, p, f.TableName, f.column)
		})
		for _, seer := range seers {
			seen := person
			seen.Seer = seer
			x.People = append(x.People, seen)
		}
		if len(seers) == 0 {
			x.People = append(x.People, person)
		}
	}
	return x, nil
}

// people are the users of the configuration and those of the record. The groups that a token said last are those of the
// record; what the configuration adds is added by the decision itself.
func people(users []identity.Identity, recorded []index.Person) (out []report.Person) {
	for _, p := range recorded {
		out = append(out, report.Person{
			Seer:   review.Seer{Who: review.Somebody{User: p.ID, Groups: p.Groups, Attributes: []string{}}},
			Issuer: p.Issuer, Last: p.Last,
		})
	}
	for _, u := range users {
		if !slices.ContainsFunc(out, func(p report.Person) bool { return p.Who.User == u.ID }) {
			out = append(out, report.Person{Seer: review.Seer{
				Who: review.Somebody{User: u.ID, Groups: append([]string{}, u.Groups...), Attributes: []string{}},
			}})
		}
	}
	slices.SortStableFunc(out, func(a, b report.Person) int { return strings.Compare(a.Who.User, b.Who.User) })
	return out
}
