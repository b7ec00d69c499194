package assembly

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/metric/noop"

	"deputy/internal/config"
)

// All who wait for the files wait for one reading, and it goes on for others when one of them goes away.
func TestEndedCallerEndsNoReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, release := 0, make(chan struct{})
		l := &Live{
			load: func() (*config.Config, error) {
				read++
				<-release
				return nil, errors.New("it cannot be read")
			},
			log:     zerolog.Nop(),
			life:    t.Context(),
			current: &generation{Deputy: &Deputy{Config: &config.Config{}}},
		}
		l.reloads, _ = noop.Meter{}.Int64Counter("reloads")
		type answer struct{ own, ok bool }
		wait := func(ctx context.Context) <-chan answer {
			answered := make(chan answer, 1)
			go func() {
				own, ok := l.readFiles(ctx, false)
				answered <- answer{own, ok}
			}()
			synctest.Wait()
			return answered
		}
		leaving, leave := context.WithCancel(t.Context())
		first, second := wait(leaving), wait(t.Context())
		leave()
		if got := <-first; got.ok {
			t.Errorf("the one that has left is told that the files are read: %+v", got)
		}
		select {
		case got := <-second:
			t.Errorf("the other one is told %+v while the files are read", got)
		default:
		}
		close(release)
		if got := <-second; got != (answer{own: false, ok: true}) || read != 1 {
			t.Errorf("the other one is told %+v after %d readings", got, read)
		}
		if got := <-wait(t.Context()); !got.own || !got.ok || read != 2 {
			t.Errorf("who comes later is told %+v after %d readings", got, read)
		}
	})
}
