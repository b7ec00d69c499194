package assembly

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/internal/config"
)

const (
	lookEvery  = time.Second
	reloadTime = time.Minute // for databases and issuers to answer
)

// Watch follows the files without a call asking for it, and reads them whatever they look like when an administrator
// sends SIGHUP. It returns when the context ends.
func (l *Live) Watch(ctx context.Context, hangup <-chan os.Signal) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			l.log.Info().Msg("told to reload the configuration")
			l.Reload(ctx)
		case <-tick.C:
			l.catchUp(ctx)
			l.readAgain(ctx)
		}
	}
}

// catchUp returns when the files, as they are when it is called, have been read, and what they say is in force or
// decides beside what is. It looks twice, because a reading that is under way may have come before the change.
func (l *Live) catchUp(ctx context.Context) {
	for range 2 {
		l.mu.Lock()
		seen := l.seen
		l.mu.Unlock()
		if look(seen.files).same(seen) {
			break
		}
		if _, ok := l.readFiles(ctx, false); !ok {
			return
		}
	}
	l.mu.Lock()
	p := l.pending
	l.mu.Unlock()
	p.await(ctx)
}

// Reload reads the files even if they look as before, and returns when what they say is in force, or was tried once.
func (l *Live) Reload(ctx context.Context) {
	for {
		own, ok := l.readFiles(ctx, true)
		if !ok {
			return
		}
		if own { // else it may have read the files already
			break
		}
	}
	l.mu.Lock()
	p := l.pending
	l.mu.Unlock()
	if p != nil {
		select {
		case <-p.tried:
		case <-ctx.Done():
		}
	}
}

// readFiles reads the files, unless that is under way: all who wait, wait for the same, and the end of one's context
// does not end it for others. Told to, it takes up what has not changed, too. own: it was this call that began it. It
// is not ok when the context has ended first.
func (l *Live) readFiles(ctx context.Context, told bool) (own, ok bool) {
	read := l.reading.DoChan("files", func() (any, error) {
		own = true
		done, open := l.begins()
		if open {
			defer done()
			l.take(told)
		}
		return nil, nil
	})
	select {
	case <-read:
		return own, true
	case <-ctx.Done():
		return false, false
	}
}

// begins begins something that Close waits for, until done is called; not open: it is closed.
func (l *Live) begins() (done func(), open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		return nil, false
	}
	l.tending.Add(1)
	return l.tending.Done, true
}

// begin runs something that Close waits for; not ok: it is closed. l.mu is held.
func (l *Live) begin(run func()) (ok bool) {
	if l.life.Err() != nil {
		return false
	}
	l.tending.Go(run)
	return true
}

// take reads the files and has what they say wait to be in force.
func (l *Live) take(told bool) {
	ctx, cancel := context.WithTimeout(l.life, reloadTime)
	defer cancel()
	c, seen, err := l.read(ctx)
	switch {
	case l.life.Err() != nil:
	case err != nil:
		l.refuse(seen, err)
		l.count(ctx, "refused")
	default:
		l.await(c, seen, told)
	}
}

func (l *Live) count(ctx context.Context, result string) {
	l.reloads.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

// misread is why the files as they are cannot be understood.
type misread struct {
	text  string
	place string    // file and line, if it is one
	again time.Time // when they are read again as they are; zero: only a change of them can help
	tries int
}

// refuse leaves everything as it is. The same reason is said once.
func (l *Live) refuse(seen sight, err error) {
	m := &misread{text: err.Error(), place: firstPlace(nil, err)}
	l.mu.Lock()
	repeated := l.misread != nil && l.misread.text == m.text
	if repeated {
		m.tries = l.misread.tries + 1
	}
	if _, wrong := errors.AsType[*config.Error](err); !wrong {
		m.again = time.Now().Add(backoff(m.tries))
	}
	l.misread, l.seen = m, seen
	version := l.current.Config.Version
	l.mu.Unlock()
	if !repeated {
		l.log.Error().
			Str("policy_version", version).
			Str("error", m.text).
			Msg("the new configuration is refused: the one before goes on")
	}
}

// readAgain reads files that could not be read for something else than what stands in them.
func (l *Live) readAgain(ctx context.Context) {
	l.mu.Lock()
	due := l.misread != nil && !l.misread.again.IsZero() && time.Now().After(l.misread.again)
	l.mu.Unlock()
	if due {
		l.Reload(ctx)
	}
}

// Notice says that the configuration on the disk is not the one that is in force, or that a database has changed under
// it. It says where and not what: callers without a token may read it.
func (l *Live) Notice() string {
	notices := []string{l.waitingNotice(), l.troubleNotice(), l.now().stateNotice()}
	return strings.Join(slices.DeleteFunc(notices, func(s string) bool { return s == "" }), "; ")
}

func (l *Live) waitingNotice() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(place string) string {
		if place == "" {
			return ""
		}
		return " (" + place + ")"
	}
	switch {
	case l.misread != nil:
		return "but the new configuration is refused" + at(
			l.misread.place,
		) + " and the one before goes on: the log says why"
	case l.pending != nil:
		return "but the new configuration is not in force yet" + at(
			l.pending.place,
		) + " and callers get only what both it and the one before give: the log says why"
	}
	return ""
}

// read loads the files once they are still. Nothing of a file that changes while it is read, or that somebody is
// writing, is ever used: half of a file may be valid, and have half of the masks.
func (l *Live) read(ctx context.Context) (*config.Config, sight, error) {
	l.mu.Lock()
	files := l.seen.files
	l.mu.Unlock()
	for {
		seen, err := settle(ctx, files)
		if err != nil {
			return nil, seen, err
		}
		c, err := l.load()
		if c != nil {
			files = c.Files()
		}
		if look(files).same(seen) {
			return c, seen, err
		}
	}
}
