// Package instruments is how calls are watched from outside: traces, and the names, units and descriptions of metrics.
package instruments

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// Instruments are what is counted of calls, and how long their steps took.
type Instruments struct {
	Calls    metric.Int64Counter
	Rows     metric.Int64Counter
	Duration metric.Float64Histogram
	Vends    metric.Int64UpDownCounter
	Appends  metric.Float64Histogram
	Clocks   metric.Float64Gauge
}

// seconds are the limits that durations are sorted by.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// New makes the instruments of a meter.
func New(m metric.Meter) (i Instruments, err error) {
	var failures [6]error
	i.Calls, failures[0] = m.Int64Counter(
		"deputy.calls",
		metric.WithDescription("Calls that ended, by tool, platform, outcome and code of refusal"),
	)
	i.Rows, failures[1] = m.Int64Counter("deputy.rows", metric.WithDescription("Rows that were answered with"))
	i.Duration, failures[2] = m.Float64Histogram(
		"deputy.call.duration",
		metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...),
		metric.WithDescription("How long calls took, from the verified caller to the durable record"),
	)
	i.Vends, failures[3] = m.Int64UpDownCounter(
		"deputy.vends.running",
		metric.WithDescription("Roles that are vended now, each with its statement"),
	)
	i.Appends, failures[4] = m.Float64Histogram(
		"deputy.audit.append.duration",
		metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...),
		metric.WithDescription("How long the audit log took to have a record on disk"),
	)
	i.Clocks, failures[5] = m.Float64Gauge("deputy.platform.clock.ahead", metric.WithUnit("s"),
		metric.WithDescription("How far Deputy's clock is ahead of the platform's"))
	return i, errors.Join(failures[:]...)
}
