package telemetry

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/trace"

	"deputy/internal/config"
)

func TestWithoutConfigurationNothingRuns(t *testing.T) {
	running, err := Start(t.Context(), config.Telemetry{}, zerolog.Nop())
	if err != nil || running.Traces != nil || running.Metrics != nil || running.Handler() != nil {
		t.Errorf("without a configuration there is %+v (%v)", running, err)
	}
	if err := running.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	running.Close()
}

func TestACollectorThatStaysAwayIsMentionedOnce(t *testing.T) {
	var log bytes.Buffer
	r := &reporter{log: zerolog.New(&log)}
	for range 3 {
		r.Handle(errors.New("connection refused"))
	}
	r.Handle(errors.New("no such host"))
	if got := strings.Count(log.String(), "\n"); got != 2 {
		t.Errorf("two troubles are %d lines:\n%s", got, log.String())
	}
}

func TestAShareOfTheCallsIsTraced(t *testing.T) {
	for _, share := range []float64{0, 0.25, 1} {
		traced := 0
		const calls = 10_000
		for range calls {
			if chance(share).ShouldSample(trace.SamplingParameters{}).Decision == trace.RecordAndSample {
				traced++
			}
		}
		if got := float64(traced) / calls; got < share-0.05 || got > share+0.05 ||
			(share == 0 || share == 1) && got != share {
			t.Errorf("of a share of %v there is %v", share, got)
		}
	}
}
