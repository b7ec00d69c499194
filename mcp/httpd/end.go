package httpd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"deputy/tools"
)

// End is how a server ends. First /readyz says that the server ends, and the port stays open while balancers find out.
// Then the port is closed, and running calls get their time. Those that have not ended then are cancelled in their
// databases, and their clients are told so. Connections that are left after that are cut.
type End struct {
	// Drain is how long the port stays open, if a balancer is there: if /readyz was asked for in the last minute. 0 or
	// less: the port is closed at once.
	Drain time.Duration
	// Calls is how long running calls get after that. Default 30 seconds.
	Calls time.Duration
	// Settle is how long cancelled calls get to answer, and once more to put themselves on the record. Default 10
	// seconds.
	Settle time.Duration
}

func (s *Server) ending() (e End) {
	if s.Ending != nil {
		e = s.Ending()
	}
	if e.Calls <= 0 {
		e.Calls = 30 * time.Second
	}
	if e.Settle <= 0 {
		e.Settle = 10 * time.Second
	}
	return e
}

// balancer is whoever asks for /readyz, and decides by it where calls go.
type balancer struct {
	asked atomic.Pointer[time.Time] // when that was last; nil: never
}

func (b *balancer) note(r *http.Request) {
	if r.URL.Path == readyPath {
		now := time.Now()
		b.asked.Store(&now)
	}
}

// there reports whether a balancer will ask again: one that has asked in the last minute.
func (b *balancer) there() bool {
	asked := b.asked.Load()
	return asked != nil && time.Since(*asked) < time.Minute
}

// end is the way out. cut ends the contexts of all calls; each call holds running as a reader.
func (s *Server) end(
	server *http.Server,
	running *sync.RWMutex,
	b *balancer,
	cut context.CancelCauseFunc,
) error {
	e := s.ending()
	if !b.there() {
		e.Drain = 0
	}
	s.Logger.Info().Stringer("drain", e.Drain).Stringer("calls", e.Calls).Msg("stopping: running calls may end")
	if e.Drain > 0 {
		time.Sleep(e.Drain)
	}
	late := time.AfterFunc(e.Calls, func() {
		s.Logger.Warn().Msg("calls were cut off at shutdown")
		cut(tools.ErrEnding)
	})
	defer late.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), e.Calls+e.Settle)
	defer cancel()
	err := server.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	err = server.Close() // which waits for no call
	ended := make(chan struct{})
	go func() {
		running.Lock()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(e.Settle):
	}
	return err
}
