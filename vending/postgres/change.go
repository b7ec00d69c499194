package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/sqltext"
)

// A change of the database is noticed by the statement that meets it. An analysis that meets a relation or a column
// which the snapshot does not have takes another snapshot, however new that is. A vend compares the tables of its lease
// with the snapshot that they were decided over, while its views keep the tables as they are.

// changed is the error of a vend that found another table than the lease was decided for.
func changed(err error) error {
	reason := vending.ErrChanged
	if err != nil {
		reason = fmt.Errorf("%w: %w", vending.ErrChanged, cause(err))
	}
	return &vending.Error{
		Code: vending.TooBusy, Message: "a table has just changed: try again in a moment", Cause: reason,
	}
}

// asSeen is a condition that holds when the leased tables, and those that leased views read, are as the snapshot has
// them, and so are the views between them that are not governed. A table that it does not have is none of this
// server's.
func (s *snapshot) asSeen(leased []entitlements.Access) string {
	var seen []string
	between := map[uint32]string{}
	for _, name := range s.reached(leased) {
		oid, print := uint32(0), int64(0)
		if id, r := s.relation(name); r != nil {
			oid, print = id, r.Print
			maps.Copy(between, r.Through)
		}
		seen = append(seen, fmt.Sprintf("(%s, %s, %d::pg_catalog.oid, %d::pg_catalog.int8)",
			pq.QuoteLiteral(name.Schema), pq.QuoteLiteral(name.Name), oid, print))
	}
	if seen == nil {
		return "true"
	}
	return `NOT EXISTS (SELECT FROM (VALUES ` + strings.Join(seen, ", ") + `) AS v (schema, name, id, print)
LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
  ON n.nspname = v.schema AND c.relname = v.name
WHERE c.oid IS DISTINCT FROM v.id OR ` + catalog.Fingerprint + ` IS DISTINCT FROM v.print)` + definedAs(between)
}

// definedAs is a condition on the definitions of views, each in the version that the snapshot has read.
func definedAs(versions map[uint32]string) string {
	var defined []string
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		defined = append(defined, fmt.Sprintf("(%d::pg_catalog.oid, %s)", id, pq.QuoteLiteral(versions[id])))
	}
	if defined == nil {
		return ""
	}
	return `
AND NOT EXISTS (SELECT FROM (VALUES ` + strings.Join(defined, ", ") + `) AS v (id, version)
LEFT JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.id AND r.ev_type = '1'
WHERE r.xmin::pg_catalog.text IS DISTINCT FROM v.version)`
}

// rechecked is a query that says whether the views of a lease are still as they were decided over; empty where it has
// none. A statement that was prepared holds the views that it reads, and those below them, as they are: what was
// replaced between the vend and that moment is met by it. Tables cannot change so under the views of a vend.
func (s *snapshot) rechecked(lease vending.Lease) string {
	if lease.Catalog == "" {
		return ""
	}
	for _, name := range s.reached(lease.Access) {
		if _, r := s.relation(name); r != nil && r.Table.View != nil {
			return "SELECT " + s.asSeen(lease.Access)
		}
	}
	return ""
}

// recheck asks that.
func (v *vended) recheck(ctx context.Context, conn any) error {
	if v.again == "" {
		return nil
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, v.again, nil)
	if err != nil {
		return cutOff(ctx, err)
	}
	defer rows.Close()
	same := []driver.Value{false}
	if err := rows.Next(same); err != nil {
		return cutOff(ctx, err)
	}
	if same[0] != true {
		v.forget()
		return changed(nil)
	}
	return nil
}

// reached are the leased tables and, where they are views, what those read: its masks may be theirs.
func (s *snapshot) reached(leased []entitlements.Access) (all []entitlements.TableName) {
	for _, a := range leased {
		all = append(all, a.Table)
	}
	for i := 0; i < len(all); i++ {
		if _, r := s.relation(all[i]); r != nil && r.Table.View != nil {
			for _, read := range r.Table.View.Reads {
				if !slices.Contains(all, read) {
					all = append(all, read)
				}
			}
		}
	}
	return all
}

// relation is a table of the snapshot with its object id.
func (s *snapshot) relation(name entitlements.TableName) (uint32, *catalog.Relation) {
	id := s.ids[name]
	return id, s.tables[id]
}

// mayHaveChanged are the classes of errors that a vend ends with where the database is not as the snapshot says: names
// and types that are not there, schemas that are gone.
func mayHaveChanged(code string) bool {
	return strings.HasPrefix(code, "42") || strings.HasPrefix(code, "3F")
}

// hasChanged reports whether a lease's tables are not what the snapshot says any more. A policy that the database does
// not understand fails every vend and changes nothing.
func (e *Engine) hasChanged(ctx context.Context, s *snapshot, leased []entitlements.Access) bool {
	var same bool
	err := e.db.GetContext(ctx, &same, "SELECT "+s.asSeen(leased))
	return err == nil && !same
}

// met returns a snapshot that has what the statement reads of the governed schemas. What is not governed, or not there
// for a caller, does not cost another look each time that it is named.
func (e *Engine) met(ctx context.Context, s *snapshot, seen *probed) (*snapshot, error) {
	for range 3 { // each time another change
		missed, err := e.missed(ctx, s, seen)
		switch {
		case err != nil:
			return nil, err
		case missed:
			if s, err = e.after(ctx, s, 0); err != nil {
				return nil, err
			}
			continue
		case !seen.known(s):
			return e.after(ctx, s, lookAgain)
		}
		break
	}
	return s, nil
}

// missed reports whether a relation or a column of the statement is governed and not in the snapshot.
func (e *Engine) missed(ctx context.Context, s *snapshot, seen *probed) (bool, error) {
	unknown := slices.DeleteFunc(slices.Sorted(maps.Keys(seen.relations)), func(id uint32) bool {
		return s.tables[id] != nil || s.gate.Composite(id)
	})
	for id, numbers := range seen.columns {
		if r := s.tables[id]; r != nil {
			for _, n := range numbers {
				if n > 0 && r.Numbers[n] == "" {
					return true, nil
				}
			}
		}
	}
	if len(unknown) == 0 {
		return false, nil
	}
	var there bool
	err := e.db.GetContext(ctx, &there, `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = ANY ($1::oid[]) AND n.nspname = ANY ($2) AND c.relkind IN `+sqltext.GovernedKinds+`
		AND NOT c.relispartition)`, sqltext.OIDs(unknown), pq.Array(e.config.Schemas))
	if err != nil {
		return false, cutOff(ctx, err)
	}
	return there, nil
}
