package assembly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/audit/checkpoint"
	"deputy/audit/sink"
	"deputy/audit/underway"
	"deputy/internal/config"
)

// AuditLog is the audit log, the sinks behind it, and what sends its checkpoints on. It is opened once, however often
// the configuration changes.
type AuditLog struct {
	*underway.Calls // through which every record goes
	fan             *sink.Fan
	log             *audit.Log
	report          func(error)

	stop func() // ends the sending
}

// openAudit opens the audit log, makes its key when there is none, and begins to send its checkpoints on. A sink to
// standard output writes there.
func openAudit(c config.Audit, log zerolog.Logger, stdout io.Writer) (_ *AuditLog, err error) {
	report := func(err error) { log.Warn().Err(err).Msg("audit") }
	key, made, err := checkpoint.LoadOrMakeKey(c.Key, checkpoint.DefaultKeyName())
	if err != nil {
		return nil, err
	}
	if made {
		log.Info().
			Str("key", c.Key).
			Str("verifier", key.Verifier().String()).
			Msg("made a key that signs the audit log: give the verifier key to whoever audits")
	}
	sinks, err := openSinks(c.Sinks, stdout)
	if err != nil {
		return nil, err
	}
	fan := sink.New(sinks, report)
	opened, err := audit.Open(
		audit.Config{
			Path:   c.File,
			Key:    key,
			Rotate: int64(c.Rotate),
			Keep:   time.Duration(c.Keep),
			Report: report,
			Closed: fan.Tell,
		},
	)
	if err != nil {
		return nil, errors.Join(err, fan.Close())
	}
	fan.Behind(opened)
	l := &AuditLog{Calls: underway.New(fan, nil), fan: fan, log: opened, report: report, stop: func() {}}
	if c.Checkpoints.File == "" && c.Checkpoints.Webhook == "" {
		return l, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	published := make(chan struct{})
	go func() {
		defer close(published)
		checkpoint.Publish(
			ctx,
			opened,
			checkpoint.PublishConfig{
				File:    c.Checkpoints.File,
				Webhook: string(c.Checkpoints.Webhook),
				Every:   c.Checkpoints.Every,
				Report:  report,
			},
		)
	}()
	l.stop = func() { stop(); <-published }
	return l, nil
}

// openSinks makes what the configuration names. None connects yet: a sink that is down at the start is one that is
// down.
func openSinks(c []config.Sink, stdout io.Writer) (out []sink.Config, err error) {
	for i, s := range c {
		made := sink.Config{
			Name:     fmt.Sprintf("audit.sinks[%d] (%s)", i, s.Type),
			Format:   sink.Formats[s.Format],
			Required: s.Required,
			Queue:    s.Queue,
		}
		switch s.Type {
		case config.Stdout:
			made.Sink = sink.NewLines(stdout)
		case config.Postgres:
			made.Sink, err = sink.OpenPostgres(string(s.DSN))
		case config.SyslogSink:
			made.Sink, err = sink.NewSyslog(s.Address, made.Format)
		case config.OTLPSink:
			headers := map[string]string{}
			for name, value := range s.Headers {
				headers[name] = string(value)
			}
			made.Sink, err = sink.NewOTLP(string(s.URL), headers)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", made.Name, err)
		}
		out = append(out, made)
	}
	return out, nil
}

// State is the furthest that the log has seen the state of access requests.
func (l *AuditLog) State() *audit.State { return l.log.State() }

// Healthy returns nil when a record could be written.
func (l *AuditLog) Healthy() error { return l.fan.Healthy() }

// CutOff puts calls that still run on the record as cut off. Nothing is recorded after it.
func (l *AuditLog) CutOff() {
	if calls, err := l.Calls.CutOff(context.Background()); err != nil || calls > 0 {
		l.report(errors.Join(fmt.Errorf("%d calls were cut off, and are on the record as that", calls), err))
	}
}

// Close writes what is waiting, sends the last checkpoint on, and gives the sinks what they do not have yet. The
// checkpoint comes first: whoever ends the process in the meantime should not get rid of it.
func (l *AuditLog) Close() error {
	l.CutOff()
	err := l.log.Close()
	l.stop()
	return errors.Join(err, l.fan.Close())
}
