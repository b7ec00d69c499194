// Package directory is what a caller may know of the tables of a platform: it lists and searches them, finds one by any
// spelling of its name, and describes it. What is hidden from the caller is not in a directory, so that it makes no
// difference to any answer, in no spelling. All of it comes from the catalog as last read: no platform is asked.
package directory

import (
	"deputy/entitlements"
	"deputy/vending"
)

// Engine is what a directory has to know of an engine. One that is vending.Sized or vending.Typed tells more.
type Engine interface{ Dialect() vending.Dialect }

// Config is what a directory is made of. All of it is needed.
type Config struct {
	// Tables are those that the caller may know of, sorted by name.
	Tables []entitlements.Visible
	// Catalog has the facts about them. Of what Tables do not show, nothing is told.
	Catalog *entitlements.Catalog
	Engine  Engine
	// Platform is the platform's name, which people write in front of a schema's.
	Platform string
}

// Directory is what one caller may know of the tables of one platform.
type Directory struct {
	Config
	dialect vending.Dialect
	facts   map[entitlements.TableName]*entitlements.Table
	visible map[entitlements.TableName]*entitlements.Visible
}

// New makes a directory.
func New(c Config) *Directory {
	d := &Directory{
		Config:  c,
		dialect: c.Engine.Dialect(),
		facts:   map[entitlements.TableName]*entitlements.Table{},
		visible: map[entitlements.TableName]*entitlements.Visible{},
	}
	for i := range c.Tables {
		d.visible[c.Tables[i].Table] = &c.Tables[i]
	}
	for i := range c.Catalog.Tables {
		d.facts[c.Catalog.Tables[i].TableName] = &c.Catalog.Tables[i]
	}
	return d
}

// columns are those of a table that the caller may know of: none of a table that is closed to its own callers.
func (d *Directory) columns(v entitlements.Visible) (names []string) {
	switch {
	case v.Access != nil:
		for _, c := range v.Access.Columns {
			names = append(names, c.Name)
		}
	case v.Denial.Requestable && !v.Denial.Closed && d.facts[v.Table] != nil:
		for _, c := range d.facts[v.Table].Columns {
			names = append(names, c.Name)
		}
	}
	return names
}
