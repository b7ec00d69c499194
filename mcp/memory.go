package mcp

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	"deputy/internal/budget"
)

// measureMemory has what calls take of the memory that they share be seen from outside.
func measureMemory(m metric.Meter, b *budget.Budget) error {
	if b == nil {
		return nil
	}
	var failed [4]error
	gauge := func(i int, name, description, unit string) (g metric.Int64ObservableGauge) {
		g, failed[i] = m.Int64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit(unit))
		return g
	}
	used := gauge(0, "deputy.memory.used", "What calls hold of the memory that they share", "By")
	limit := gauge(1, "deputy.memory.limit", "The memory that all calls share: limits.memory", "By")
	waiting := gauge(2, "deputy.memory.waiting", "Calls that wait for memory", "")
	refused, err := m.Int64ObservableCounter(
		"deputy.memory.refused",
		metric.WithDescription("Calls that asked for more memory than a call may have, or waited for it in vain"),
	)
	if failed[3] = err; errors.Join(failed[:]...) != nil {
		return errors.Join(failed[:]...)
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := b.Figures()
		o.ObserveInt64(used, now.Used)
		o.ObserveInt64(limit, b.Size())
		o.ObserveInt64(waiting, now.Waiting)
		o.ObserveInt64(refused, now.Refused)
		return nil
	}, used, limit, waiting, refused)
	return err
}
