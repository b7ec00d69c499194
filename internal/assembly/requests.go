package assembly

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/keeper"
	"deputy/entitlements/requests/notify"
	"deputy/entitlements/requests/store"
	"deputy/identity/stops/fleet"
	"deputy/internal/config"
	"deputy/internal/logged"
)

// sweepEvery is how often what is over is written down. It is over by the clock, whether that has happened or not.
const sweepEvery = 5 * time.Second

// openState opens the state of access requests, once there is a rule for any, or where servers share it: then it holds
// who is stopped. It stays open while the configuration changes. That it cannot be opened is nothing that only a change
// of the file can help: it is tried again.
func (d *Deputy) openState(ctx context.Context) (err error) {
	if d.State != nil || len(d.Config.Requests.Rules) == 0 && d.Config.Requests.State.DSN == "" {
		return nil
	}
	c := keeper.Config{State: StateConfig(d.Config), Known: d.stateKnown, Log: d.Log, Stops: fleet.Config{
		// How old the list is, this machine's clock says, whatever hour callers live in.
		Copy: StopsCopy(d.Config), Stale: d.Config.Requests.State.Stale, Log: d.Log,
	}}
	c.State.Now = d.now
	if c.Unfinished, err = logged.Unfinished(d.Config.Audit.File); err != nil {
		return fmt.Errorf("looking for steps that a server left unfinished: %w", err)
	}
	c.Ended = d.noteEnded
	if d.State, err = keeper.Open(ctx, c); err != nil {
		d.State = nil
		return errors.New(d.Config.Problem("requests.state", "%v", err).String())
	}
	if shared := d.State.Fleet(); shared != nil {
		d.Stops.Join(shared)
	}
	return errors.Join(d.watchState(), d.measureStops())
}

// StopsCopy is where a server copies the list of stops that it shares with others: beside its audit log, where it
// can write.
func StopsCopy(c *config.Config) string { return c.Audit.File + ".stops" }

// measureStops has the metrics say how old the shared list of stops is.
func (d *Deputy) measureStops() error {
	shared := d.State.Fleet()
	_, err := d.Telemetry.Meter().Float64ObservableGauge("deputy.stops.age", metric.WithUnit("s"),
		metric.WithDescription("How long ago the list of stops that the servers share was read; "+
			"from requests.state.stale on every call is refused. 0: they share none"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			age := time.Duration(0)
			if shared != nil {
				age = shared.Now().Age
			}
			o.Observe(age.Seconds())
			return nil
		}))
	return err
}

// stateKnown is how far the audit log has seen the state come.
func (d *Deputy) stateKnown() (p requests.Position) {
	if known := d.Audit.State(); known != nil {
		p = requests.Position{Sequence: known.Sequence, Event: known.Event}
	}
	return p
}

// watchState has the metrics say whether the state can be used.
func (d *Deputy) watchState() error {
	state := d.State
	_, err := d.Telemetry.Meter().Int64ObservableGauge("deputy.requests.state.usable",
		metric.WithDescription("1: the state of access requests can be used; 0: calls go on without what was approved"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if state.Down() == nil {
				o.Observe(1)
			} else {
				o.Observe(0)
			}
			return nil
		}))
	return err
}

// noteState has the audit log know how far the state has come, when other servers have brought it further than the
// records of this one say.
func (d *Deputy) noteState(ctx context.Context) error {
	reached := d.State.Reached()
	if reached.Sequence <= d.stateKnown().Sequence {
		return nil
	}
	return d.note(ctx, reached)
}

// noteEnded has the audit log know that a step was taken that a server had left unfinished.
func (d *Deputy) noteEnded(ctx context.Context, r requests.Request, reached requests.Position) error {
	by := r.Decisions[len(r.Decisions)-1].ID
	return d.note(ctx, reached, fmt.Sprintf("%s was ended at the start: %s by %s, which a server had left unfinished",
		r.ID, r.Status, by))
}

func (d *Deputy) note(ctx context.Context, reached requests.Position, why ...string) error {
	return d.Audit.Append(ctx, audit.Record{
		ID: strings.ToLower(rand.Text()), Phase: audit.Ended, Time: time.Now().UTC(), Tool: audit.NoteState,
		PolicyVersion: d.Config.Version, Outcome: audit.Answered, Reasons: why,
		State: &audit.State{Sequence: reached.Sequence, Event: reached.Event},
	})
}

// StateConfig is what the configuration means for package state.
func StateConfig(c *config.Config) store.Config {
	return store.Config{File: c.Requests.State.File, DSN: string(c.Requests.State.DSN)}
}

// requests is where access requests are kept, as far as there are rules: without any, nothing can be asked for, and
// what was approved does not count, whether Deputy was started so or its file came to say so. The state stays open for
// what is over to be written down.
func (d *Deputy) requests() requests.Store {
	if d.State == nil || len(d.Config.Requests.Rules) == 0 {
		return nil
	}
	return d.State
}

// stateNotice says why what was approved does not count now; empty: it counts. A server that has lost its state answers
// all calls that rest on no approval, and is ready.
func (d *Deputy) stateNotice() string {
	if d.requests() == nil || d.State.Down() == nil {
		return ""
	}
	why := "is out of reach"
	for known, words := range map[error]string{
		store.ErrRestored: "was restored from a copy: run deputy requests accept-restore",
		store.ErrAhead:    "was made by a newer Deputy",
		store.ErrBehind:   "is older than this Deputy: run deputy migrate",
	} {
		if errors.Is(d.State.Down(), known) {
			why = words
		}
	}
	return "but nothing that was approved on request counts, because its state " + why
}

// tend ends what is over, tells of it, and sends webhooks, until the context ends. The sender may be nil still. Each of
// several servers does; the state sees to it that everything happens once.
func (l *Live) tend(ctx context.Context, sender *notify.Sender) {
	if sender != nil {
		l.tending.Go(func() { sender.Run(ctx) })
	}
	for tick := time.NewTicker(sweepEvery); ; {
		if g := l.now(); g.State != nil && g.State.Down() == nil {
			if sender == nil {
				sender = l.sender(g)
				l.tending.Go(func() { sender.Run(ctx) })
			}
			l.sweep(ctx, time.Now())
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// sweep does it once, with what holds now.
func (l *Live) sweep(ctx context.Context, now time.Time) {
	g, end := l.begun(ctx)
	defer end()
	if err := g.Sweep(ctx, now); err != nil && ctx.Err() == nil {
		l.log.Warn().
			Err(err).
			Msg("access requests that are over could not be written down as such; they are over all the same")
	}
}

// Sweep ends the access requests that are over at a time, and announces those that soon will be.
func (d *Deputy) Sweep(ctx context.Context, now time.Time) error {
	s := d.State.State()
	if s == nil {
		return d.State.Down()
	}
	if err := d.noteState(ctx); err != nil {
		return err
	}
	return s.Sweep(ctx, now, time.Duration(d.Config.Requests.Expiring), func(e store.Event) error {
		if e.Kind != store.Expired {
			return nil
		}
		return d.Tools.Expired(ctx, e.Request, e.ID, e.Time)
	})
}

func (l *Live) sender(g *generation) *notify.Sender {
	name, _ := os.Hostname()
	c := notify.Config{
		Outbox:    g.State.State().Outbox(),
		PublicURL: g.Config.Server.PublicURL,
		Server:    fmt.Sprintf("%s (%d)", name, os.Getpid()),
		Log:       l.log,
	}
	for _, w := range g.Config.Requests.Webhooks {
		c.Receivers = append(
			c.Receivers,
			notify.Receiver{Name: w.Name, URL: string(w.URL), Secret: string(w.Secret), Events: w.Events, Body: w.Body},
		)
	}
	sender, err := notify.New(c)
	if err != nil { // the configuration was checked
		l.log.Error().Err(err).Msg("webhooks are not sent")
		c.Receivers = nil
		sender, _ = notify.New(c)
	}
	if err := sender.Introduce(context.WithoutCancel(l.life)); err != nil {
		l.log.Warn().Err(err).Msg("webhooks may not be told of the first events")
	}
	return sender
}

// stateKey signs what clients bring back to whichever server they reach next: from a secret that all servers of one
// configuration have, and that says nothing of it. Without one there is a random key, which will do for one server.
func stateKey(c *config.Config) []byte {
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		if secret := cmp.Or(string(c.Platforms[name].SigningKey), string(c.Platforms[name].HashKey)); secret != "" {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte("deputy: the state of questions to humans"))
			return mac.Sum(nil)
		}
	}
	return nil
}
