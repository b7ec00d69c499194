package telemetry

import (
	"math/rand/v2"

	"go.opentelemetry.io/otel/sdk/trace"
)

// newSampler traces a share of the calls, by a throw of our own. A caller says which trace a call is part of, and
// nothing else: were its flag heeded, or its trace id the dice, it could hide its calls from whoever watches, or have
// all of them sent.
func newSampler(share float64) trace.Sampler {
	own := chance(share)
	return trace.ParentBased(own, trace.WithRemoteParentSampled(own), trace.WithRemoteParentNotSampled(own))
}

type chance float64

func (c chance) ShouldSample(trace.SamplingParameters) trace.SamplingResult {
	if rand.Float64() < float64(c) { //nolint:gosec // G404: below 1, always; a trace that is kept is no secret
		return trace.SamplingResult{Decision: trace.RecordAndSample}
	}
	return trace.SamplingResult{Decision: trace.Drop}
}

func (c chance) Description() string { return "a share of the calls" }
