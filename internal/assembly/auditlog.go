package assembly

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/internal/config"
)

// AuditLog is the audit log and what sends its checkpoints on. It is opened once, however often the configuration changes.
type AuditLog struct {
	*audit.Log
	stop func() // ends the sending
}

// openAudit opens the audit log, makes its key when there is none, and begins to send its checkpoints on.
func openAudit(c config.Audit, log zerolog.Logger) (*AuditLog, error) {
	report := func(err error) { log.Warn().Err(err).Msg("audit") }
	key, made, err := audit.LoadOrMakeKey(c.Key, audit.DefaultKeyName())
	if err != nil {
		return nil, err
	}
	if made {
		log.Info().Str("key", c.Key).Str("verifier", key.Verifier().String()).Msg("made a key that signs the audit log: give the verifier key to whoever audits")
	}
	opened, err := audit.Open(audit.Config{Path: c.File, Key: key, Rotate: int64(c.Rotate), Keep: time.Duration(c.Keep), Report: report})
	if err != nil {
		return nil, err
	}
	l := &AuditLog{Log: opened, stop: func() {}}
	if c.Checkpoints.File == "" && c.Checkpoints.Webhook == "" {
		return l, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	published := make(chan struct{})
	go func() {
		defer close(published)
		audit.Publish(ctx, opened, audit.PublishConfig{File: c.Checkpoints.File, Webhook: string(c.Checkpoints.Webhook), Every: c.Checkpoints.Every, Report: report})
	}()
	l.stop = func() { stop(); <-published }
	return l, nil
}

// Close writes what is waiting, and sends the last checkpoint on.
func (l *AuditLog) Close() error {
	err := l.Log.Close()
	l.stop()
	return err
}
