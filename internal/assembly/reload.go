package assembly

import (
	"context"
	"errors"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/internal/config"
)

const (
	lookEvery  = time.Second
	retryAfter = 5 * time.Second
	reloadTime = time.Minute // for databases and issuers to answer
)

// Watch reloads without a call asking for it: when a file has changed, and whatever the files say when somebody hangs up (SIGHUP).
// It returns when the context ends.
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
			if l.again() {
				l.Reload(ctx)
			}
		}
	}
}

// again reports whether the last reload failed for something else than the file, so that it may work now: a database was down, or
// a table was not there yet. Without another try, a policy that was meant to hide something would wait for the next change.
func (l *Live) again() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused != nil && !l.refused.final && time.Since(l.tried) >= retryAfter
}

// catchUp returns when the files, as they are when it is called, are those that were last read. It does so twice, because a reload
// that is under way may have read them before they changed.
func (l *Live) catchUp(ctx context.Context) {
	for range 2 {
		l.mu.Lock()
		if look(l.seen.files).same(l.seen) {
			l.mu.Unlock()
			return
		}
		done := l.start()
		l.mu.Unlock()
		if !awaited(ctx, done) {
			return
		}
	}
}

// Reload reads the files even if they look as before, and returns when what they say holds or is refused.
func (l *Live) Reload(ctx context.Context) {
	for joined := true; joined; {
		l.mu.Lock()
		joined = l.running != nil // it may have read the files already
		done := l.start()
		l.mu.Unlock()
		if !awaited(ctx, done) {
			return
		}
	}
}

func awaited(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// start starts a reload, unless there is one: all who wait, wait for the same. l.mu is held.
func (l *Live) start() <-chan struct{} {
	if l.running == nil {
		l.running = make(chan struct{})
		go func() {
			l.reload()
			l.mu.Lock()
			defer l.mu.Unlock()
			close(l.running)
			l.running, l.tried = nil, time.Now()
		}()
	}
	return l.running
}

// reload is never run twice at a time. What it read counts as seen when it is in force, or refused, and not before: until then
// calls wait.
func (l *Live) reload() {
	ctx, cancel := context.WithTimeout(l.life, reloadTime)
	defer cancel()
	c, seen, err := l.read(ctx)
	var next *generation
	if err == nil {
		next, err = l.next(ctx, c)
	}
	switch {
	case err == nil:
		l.replace(next, seen)
		l.count(ctx, "applied")
		l.log.Info().Str("policy_version", c.Version).Strs("platforms", next.Tools.Platforms()).Msg("the configuration is reloaded")
	case l.life.Err() == nil:
		l.refuse(c, seen, err)
		l.count(ctx, "refused")
	}
}

func (l *Live) count(ctx context.Context, result string) {
	l.reloads.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}

// refusal is why the files as they are do not hold.
type refusal struct {
	text  string
	place string // file and line, if it is one
	final bool   // only a change of the files can help
}

// refuse keeps what is there. The same reason is said once.
func (l *Live) refuse(c *config.Config, seen sight, err error) {
	r := &refusal{text: InFile(c, err).Error(), place: firstPlace(c, err)}
	_, r.final = errors.AsType[*config.Error](err)
	l.mu.Lock()
	repeated := l.refused != nil && l.refused.text == r.text
	l.refused, l.seen = r, seen
	version := l.current.Config.Version
	l.mu.Unlock()
	if !repeated {
		l.log.Error().Str("policy_version", version).Str("error", r.text).Msg("the new configuration is refused: the one before goes on")
	}
}

// Notice says that the configuration on the disk is not the one that holds. It says where and not what: anybody may read it.
func (l *Live) Notice() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == nil {
		return ""
	}
	text := "but the new configuration is refused"
	if l.refused.place != "" {
		text += " (" + l.refused.place + ")"
	}
	return text + " and the one before goes on: the log says why"
}

// read loads the files once they are still. Nothing of a file that changes while it is read, or that somebody is writing, is ever
// used: half of a file may be valid, and have half of the masks.
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
