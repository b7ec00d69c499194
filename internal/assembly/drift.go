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
func (d *Deputy) firstSight(ctx context.Context) error {
	if !d.keeps {
		return nil
	}
	b := maps.Clone(d.Config.Baseline())
	if b == nil {
		b = config.Baseline{}
	}
	unseen := slices.DeleteFunc(
		slices.Sorted(maps.Keys(d.Engines)),
		func(name string) bool { return !d.Config.Unseen(name) },
	)
	d.added = len(unseen) > 0 && d.Config.CanKeepCatalog()
	for _, platform := range unseen {
		if !d.added {
			b[platform] = entitlements.Accepted{}
			d.Log.Error().Str("platform", platform).Str("file", d.Config.Catalog.File).
				Msg("the catalog file does not name the platform and cannot be written: all of it is New until deputy catalog accept")
			continue
		}
		catalog, err := d.Engines[platform].Catalog(ctx)
		if err != nil {
			return fmt.Errorf("platform %s: %w", platform, err)
		}
		b[platform] = entitlements.Accept(catalog)
	}
	if len(unseen) > 0 {
		d.Config.Accept(b)
	}
	return nil
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

// accepted is the list of what was accepted of a platform; nil where what is there now is to be.
func accepted(c *config.Config, platform string) entitlements.Accepted {
	if c.Unseen(platform) {
		return nil
	}
	return c.Accepted(platform)
}

const lookOutEvery = 10 * time.Second

// lookOut has policies held against the databases while no call does it, so that what no longer fits is said.
func (l *Live) lookOut(ctx context.Context) {
	tick := time.NewTicker(lookOutEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g, end := l.begun(ctx)
		for _, platform := range g.Deputy.Tools.Platforms() {
			asked, cancel := context.WithTimeout(ctx, lookOutEvery)
			g.Deputy.Tools.Entitlements(asked, platform) // its trouble is in the log, and in Troubles
			cancel()
		}
		end()
	}
}

// troubleNotice is what /readyz says of databases that have changed under the policies: which policies, and where they
// stand. Names of tables and columns are in the log: callers without a token may read this.
func (l *Live) troubleNotice() string {
	g := l.now()
	var out []string
	for _, t := range g.Deputy.Tools.Troubles() {
		text := fmt.Sprintf(
			"platform %s has something New or changed that is hidden: the log and deputy check say what",
			t.Platform,
		)
		if t.Policy != "" || t.Table != (entitlements.TableName{}) {
			place := inFile(g.Config, t.Problem)
			who := fmt.Sprintf("policy %q", t.Policy)
			if t.Policy == "" {
				who, _, _ = strings.Cut(t.Key, "[")
			}
			text = fmt.Sprintf(
				"%s (%s:%d) does not fit platform %s any more",
				who,
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
