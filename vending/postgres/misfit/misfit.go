// Package misfit finds the values of a caller that do not fit the types which PostgreSQL gives them in a lease's
// conditions, by trying the lease with fewer values: PostgreSQL alone knows those types, and what fits them.
package misfit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
)

const (
	// mostTrials is how often a lease is tried. What is not known by then counts as a value that does not fit.
	mostTrials = 200
	kept       = 4096        // misfits that are remembered
	age        = time.Minute // a misfit is tried again after this: an enum may have the value by then
)

// Found are values that do not fit, each with another spelling that does; empty: there is none.
type Found map[value]string

// value is one value of the caller in a condition of a lease.
type value struct {
	condition, part int
	text            string
}

// condition is the row filter of a table, or the condition of a mask.
type condition struct {
	table  entitlements.TableName
	policy string
	parts  *[]expression.Part
}

// conditions returns a copy of accesses, and its conditions, which may be exchanged.
func conditions(access []entitlements.Access) (out []entitlements.Access, all []condition) {
	out = slices.Clone(access)
	for i := range out {
		a := &out[i]
		a.Filters, a.Columns = slices.Clone(a.Filters), slices.Clone(a.Columns)
		for j := range a.Filters {
			all = append(all, condition{a.Table, a.Filters[j].Policy, &a.Filters[j].Where})
		}
		for j := range a.Columns {
			c := &a.Columns[j]
			c.Masks = slices.Clone(c.Masks)
			for k := range c.Masks {
				all = append(all, condition{a.Table, c.Masks[k].Policy, &c.Masks[k].When})
			}
		}
	}
	return out, all
}

// valuesOf are the values of the caller in conditions.
func valuesOf(all []condition) (values []value) {
	for n, c := range all {
		for i, p := range *c.parts {
			for _, text := range p.Values {
				values = append(values, value{n, i, text})
			}
		}
	}
	return values
}

// only is the accesses with no values in them but these.
func only(access []entitlements.Access, values []value) []entitlements.Access {
	out, all := conditions(access)
	for _, c := range all {
		*c.parts = slices.Clone(*c.parts)
		for i := range *c.parts {
			(*c.parts)[i].Values = nil
		}
	}
	for _, v := range values {
		p := &(*all[v.condition].parts)[v.part]
		p.Values = append(p.Values, v.text)
	}
	return out
}

// Apply takes the values that do not fit out of accesses, or spells them so that they fit, and says which it took out.
func (f Found) Apply(access []entitlements.Access) (out []entitlements.Access, unfit []vending.Unfit) {
	if len(f) == 0 {
		return access, nil
	}
	out, all := conditions(access)
	for n, c := range all {
		var misfits []expression.Misfit
		for i, p := range *c.parts {
			for _, text := range p.Values {
				same, is := f[value{n, i, text}]
				if !is {
					continue
				}
				misfits = append(misfits, expression.Misfit{Part: i, Value: text, Same: same})
				note := vending.Unfit{Table: c.table, Policy: c.policy, Variable: p.Variable}
				if same == "" && !slices.Contains(unfit, note) {
					unfit = append(unfit, note)
				}
			}
		}
		if misfits != nil {
			*c.parts = expression.Fit(*c.parts, misfits)
		}
	}
	return out, unfit
}

// Memory remembers for a while what does not fit. It holds hashes, and no values. It may be used concurrently.
type Memory struct {
	now   func() time.Time
	known *lru.Cache[[sha256.Size]byte, verdict]
}

type verdict struct {
	same  string // another spelling that fits
	found time.Time
}

// NewMemory returns one that knows nothing.
func NewMemory(now func() time.Time) *Memory {
	known, err := lru.New[[sha256.Size]byte, verdict](kept)
	if err != nil { // of a size below one
		panic(err)
	}
	return &Memory{now, known}
}

// Recall is what is known of accesses over a version of the catalog.
func (m *Memory) Recall(catalog string, access []entitlements.Access) Found {
	if m.known.Len() == 0 {
		return nil
	}
	found := Found{}
	_, all := conditions(access)
	for _, v := range valuesOf(all) {
		if known, is := m.known.Get(v.key(catalog, all)); is && m.now().Sub(known.found) < age {
			found[v] = known.same
		}
	}
	return found
}

// key stands for a value in a condition.
func (v value) key(catalog string, all []condition) [sha256.Size]byte {
	c := all[v.condition]
	text := []string{catalog, c.table.String(), fmt.Sprint(v.part), v.text}
	for _, p := range *c.parts {
		text = append(text, p.Column, p.SQL, p.Variable)
	}
	whole, err := json.Marshal(text)
	if err != nil { // strings only
		panic(err)
	}
	return sha256.Sum256(whole)
}

// Try reports whether the database understands accesses.
type Try func(context.Context, []entitlements.Access) (bool, error)

// Find tries accesses with fewer values until it knows which do not fit. If they are not understood without any value,
// the reason is another one, and it finds none.
func (m *Memory) Find(ctx context.Context, catalog string, access []entitlements.Access, try Try) (Found, error) {
	_, all := conditions(access)
	values := valuesOf(all)
	if len(values) == 0 {
		return nil, nil
	}
	s := search{access: access, try: try, left: mostTrials, sure: map[value]bool{}}
	if understood, err := s.understood(ctx, nil); err != nil || !understood {
		return nil, err
	}
	misfits, err := s.among(ctx, values)
	if err != nil {
		return nil, err
	}
	found := Found{}
	for _, v := range misfits {
		found[v] = ""
		if same := expression.Integral(v.text); same != "" && s.left > 0 {
			understood, err := s.understood(ctx, []value{{v.condition, v.part, same}})
			if err != nil {
				return nil, err
			}
			if understood {
				found[v] = same
			}
		}
		if s.sure[v] { // the others may fit for another caller, and will be tried
			m.known.Add(v.key(catalog, all), verdict{found[v], m.now()})
		}
	}
	return found, nil
}

// search is one Find.
type search struct {
	access []entitlements.Access
	try    Try
	left   int            // trials
	sure   map[value]bool // misfits that were tried alone
}

func (s *search) understood(ctx context.Context, values []value) (bool, error) {
	s.left--
	return s.try(ctx, only(s.access, values))
}

// among returns those of the values that do not fit.
func (s *search) among(ctx context.Context, values []value) ([]value, error) {
	if s.left <= 0 {
		return values, nil
	}
	understood, err := s.understood(ctx, values)
	if err != nil || understood {
		return nil, err
	}
	if len(values) == 1 {
		s.sure[values[0]] = true
		return values, nil
	}
	first, err := s.among(ctx, values[:len(values)/2])
	if err != nil {
		return nil, err
	}
	rest, err := s.among(ctx, values[len(values)/2:])
	return slices.Concat(first, rest), err
}
