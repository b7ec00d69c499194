package fleet

import (
	"context"
	"errors"
	"slices"
	"time"
)

// refresh reads the list once.
func (f *Fleet) refresh(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	began := f.config.Now()
	known := f.known()
	view, err := f.config.Source.Stops(limited, ids(known))
	if ctx.Err() != nil && err != nil { // it is the server that ends
		return
	}
	if err != nil {
		f.fail(err)
		return
	}
	lost := missing(known, view)
	f.take(began, append(slices.Clip(view.Active), lost...), len(lost))
	if len(lost) > 0 { // what cannot be put back is lost at the next reading, too
		_ = f.config.Source.PutStops(limited, lost)
	}
	select {
	case f.copies <- struct{}{}:
	default:
	}
}

func (f *Fleet) known() []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries
}

func ids(entries []Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.ID
	}
	return out
}

// missing are the known entries that the state has no rows of.
func missing(known []Entry, view View) (lost []Entry) {
	active := ids(view.Active)
	for _, e := range known {
		if !slices.Contains(active, e.ID) && !slices.Contains(view.Lifted, e.ID) {
			lost = append(lost, e)
		}
	}
	return lost
}

// take puts what was read in force.
func (f *Fleet) take(read time.Time, entries []Entry, lost int) {
	f.mu.Lock()
	hash, late, losing := f.hash, f.late != nil || f.wrong != nil, f.losing
	f.set(entries)
	f.read, f.late, f.wrong, f.losing, f.closed = read, nil, nil, lost > 0, ""
	now := f.hash
	f.mu.Unlock()
	if late {
		f.config.Log.Info().Msg("the list of stops that the servers share can be read again")
	}
	if lost > 0 && !losing {
		f.config.Log.Error().Int("stops", lost).
			Msg("the state has lost stops, as after a restore: they go on here, and are put back")
	}
	if hash != "" && hash != now || hash == "" && len(entries) > 0 {
		f.config.Log.Info().Str("hash", now).Int("stops", len(entries)).
			Msg("another list of stops that the servers share is in force")
	}
}

// fail notes that the list could not be read. What does not change is said once.
func (f *Fleet) fail(err error) {
	wrong := errors.Is(err, ErrUnreadable)
	f.mu.Lock()
	before := f.late
	if f.late = err; wrong {
		f.wrong = err
	}
	f.mu.Unlock()
	if before == nil || before.Error() != err.Error() {
		f.config.Log.Error().Err(err).Dur("stale", f.config.Stale).
			Msg("the list of stops that the servers share cannot be read: the last one goes on until it is stale")
	}
	closed := f.Now().Err
	f.mu.Lock()
	said := f.closed
	f.closed = ""
	if closed != nil {
		f.closed = closed.Error()
	}
	f.mu.Unlock()
	if closed != nil && said != closed.Error() {
		f.config.Log.Error().Msg(closed.Error())
	}
}

// copy writes the copy whenever something else was read, and now and then for the time of the last reading.
func (f *Fleet) copy(ctx context.Context) {
	defer close(f.copied)
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.copies:
			f.keep()
		}
	}
}

// keep writes the copy if it has to be another one.
func (f *Fleet) keep() {
	f.mu.Lock()
	read, entries, hash := f.read, f.entries, f.hash
	back := read.Round(0).Before(f.kept.Round(0)) // the clock was set back
	old := age(read, f.kept) >= min(copyEvery, f.config.Stale/10)
	due := !read.IsZero() && (hash != f.keptHash || f.kept.IsZero() || back || old)
	before := f.uncopied
	f.mu.Unlock()
	if !due {
		return
	}
	err := writeCopy(f.config.Copy, read, entries)
	f.mu.Lock()
	if f.uncopied = err; err == nil {
		f.kept, f.keptHash = read, hash
	}
	f.mu.Unlock()
	if err != nil && (before == nil || before.Error() != err.Error()) {
		f.config.Log.Error().Err(err).
			Msg("the list of stops that the servers share cannot be copied to this disk: " +
				"a server that starts without the state refuses every call")
	}
}
