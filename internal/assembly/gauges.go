package assembly

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/entitlements"
)

// measurePlatforms has what is closed be seen from outside. Its labels come from the file.
func (l *Live) measurePlatforms(m metric.Meter) error {
	down, err := m.Int64ObservableGauge(
		"deputy.platform.down",
		metric.WithDescription("1 for a platform of which nothing is served now, 0 for one that is"),
	)
	closed, failed := m.Int64ObservableGauge(
		"deputy.tables.closed",
		metric.WithDescription("Tables that are closed to every caller, by the policy that does not fit; "+
			"without one, Deputy cannot read them"),
	)
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, p := range l.now().Deputy.Tools.Held() {
			platform, isDown := attribute.String("platform", p.Name), int64(0)
			if p.Down() != nil {
				isDown = 1
			}
			o.ObserveInt64(down, isDown, metric.WithAttributes(platform))
			tables := map[string]int64{"": 0}
			for _, t := range p.Troubles() {
				if t.Table != (entitlements.TableName{}) {
					tables[t.Policy]++
				}
			}
			for policy, n := range tables {
				o.ObserveInt64(closed, n, metric.WithAttributes(platform, attribute.String("policy", policy)))
			}
		}
		return nil
	}, down, closed)
	return err
}
