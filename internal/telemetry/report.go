package telemetry

import (
	"sync"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
)

// reportTo has the SDK's errors written to our log; by itself it would write to standard error in a form of its own.
// The SDK has one such place for the whole process.
func reportTo(log zerolog.Logger) { otel.SetErrorHandler(&reporter{log: log}) }

// reporter says the same thing once: a collector that is away fails every few seconds.
type reporter struct {
	log  zerolog.Logger
	mu   sync.Mutex
	last string
}

func (r *reporter) Handle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text := err.Error(); text != r.last {
		r.last = text
		r.log.Warn().Str("error", text).Msg("telemetry could not be sent: calls and their records are not affected")
	}
}
