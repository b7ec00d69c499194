package assembly

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/internal/config"
)

// How a server comes by its list of what an administrator knows of the databases, and how it says what has changed
// since.
//
// A server writes a platform into the catalog file once: when it first serves it and the file does not name it, with
// everything that is there at that moment. Of a platform that the file names it never adds a table or a column, not
// after a restart either: deputy catalog accept does. Where the file cannot be written, all of a platform that it does
// not name is New. So it is when the file, or the platform in it, is removed while the server runs.

// firstSight takes what is there now for what is known, where no list says what is.
func (d *Deputy) firstSight(ctx context.Context) {
	if !d.keeps {
		return
	}
	b := maps.Clone(d.Config.Baseline())
	if b == nil {
		b = config.Baseline{}
	}
	unseen := slices.DeleteFunc(
		slices.Sorted(maps.Keys(d.Engines)),
		func(name string) bool { return !d.Config.Unseen(name) },
	)
	if len(unseen) == 0 {
		return
	}
	known := len(b)
	if d.Config.CanKeepCatalog() {
		unseen = slices.DeleteFunc(unseen, func(name string) bool { // what the file in force looked at first
			looked := d.lookedAt(name)
			if looked != nil {
				b[name], d.added = looked, true
			}
			return looked != nil
		})
		for platform, catalog := range d.answering(ctx, unseen) {
			b[platform], d.added = entitlements.Accept(catalog), true
		}
	} else {
		for _, platform := range unseen {
			b[platform] = entitlements.Accepted{}
			d.Log.Error().Str("platform", platform).Str("file", d.Config.Catalog.File).
				Msg("the catalog file does not name the platform and cannot be written: all of it is New until deputy catalog accept")
		}
	}
	if len(b) > known {
		d.Config.Accept(b)
	}
}

// lookedAt is what was there of a platform when the configuration in force first saw it, which the catalog file could
// not be told yet: what has appeared since is New. Nil: it was not seen.
func (d *Deputy) lookedAt(name string) entitlements.Accepted {
	if d.inForce == nil || d.inForce.Engines[name] != d.Engines[name] {
		return nil
	}
	for _, p := range d.inForce.Tools.Held() {
		if p.Name == name && p.Closed() == nil {
			return p.LookedAt()
		}
	}
	return nil
}

// answering are the catalogs of those of the platforms that are not silent. The others are seen for the first time once
// they are opened: see keepLateCatalogs.
func (d *Deputy) answering(ctx context.Context, names []string) map[string]*entitlements.Catalog {
	type seen struct {
		platform string
		catalog  *entitlements.Catalog
	}
	ctx, cancel := context.WithTimeout(ctx, max(d.silence, firstLook))
	defer cancel()
	answers := make(chan seen, len(names))
	for _, platform := range names {
		go func() {
			catalog, _ := d.Engines[platform].Catalog(ctx) // what it failed with, opening the platform says
			answers <- seen{platform, catalog}
		}()
	}
	out := map[string]*entitlements.Catalog{}
	for range names {
		select {
		case s := <-answers:
			if s.catalog != nil {
				out[s.platform] = s.catalog
			}
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// keepCatalog writes down what a generation takes for known, before it is in force. Where another server was faster,
// its file is read with the next call.
func (l *Live) keepCatalog(g *generation) error {
	if !g.added {
		return nil
	}
	c := g.Config
	err := c.KeepCatalog()
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	l.log.Debug().
		Str("file", c.Catalog.File).
		Msg("the catalog file is written: what appears in the databases from now on is New until deputy catalog accept")
	if l.current != nil {
		return nil // the next call reads it again, and finds what is in force
	}
	seen := look(c.Files())
	if again, err := l.load(); err == nil && again.Version == c.Version && look(c.Files()).same(seen) {
		l.seen = seen
	}
	return nil
}

const firstLook = 2 * time.Second // at the catalog of a platform that is new in the file

// accepted is the list of what was accepted of a platform; nil where what is there now is to be.
func accepted(c *config.Config, platform string) entitlements.Accepted {
	if c.Unseen(platform) {
		return nil
	}
	return c.Accepted(platform)
}

// troubleNotice is what /readyz says of databases that have changed under the policies: which policies, and where they
// stand. Names of tables and columns are in the log: callers without a token may read this.
func (l *Live) troubleNotice() string {
	g := l.now()
	var out []string
	for _, p := range g.Deputy.Tools.Held() {
		if closed := p.Closed(); closed != nil {
			out = append(out, fmt.Sprintf("platform %s is closed (%s): the log says why", p.Name, closed.Reason))
		}
	}
	for _, t := range g.Deputy.Tools.Troubles() {
		text := fmt.Sprintf(
			"platform %s has something New or changed that is hidden: the log and deputy check say what",
			t.Platform,
		)
		switch {
		case t.Warning && t.Table != (entitlements.TableName{}):
			text = fmt.Sprintf("platform %s has a table that Deputy cannot read, which is closed: "+
				"the log and deputy check say which", t.Platform)
		case t.Policy != "" || t.Table != (entitlements.TableName{}):
			place := inFile(g.Config, t.Problem)
			text = fmt.Sprintf(
				"%s (%s:%d) does not fit platform %s",
				t.About(),
				filepath.Base(place.File),
				place.Line,
				t.Platform,
			)
			if t.Table != (entitlements.TableName{}) {
				text += ", and the table that it is about is closed"
			}
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, "; ")
}
