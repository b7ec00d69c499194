package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Server listens for a handler that New made. The zero values of its times are useful.
type Server struct {
	Handler http.Handler
	Logger  zerolog.Logger

	TLS *tls.Config // nil: plain HTTP

	HeaderTimeout time.Duration // for the head of a request, and for the other end to say hello. Default 10 seconds
	ReadTimeout   time.Duration // for a request to arrive, head and body. Default 30 seconds
	IdleTimeout   time.Duration // for the next request to begin. Default 2 minutes
	Grace         time.Duration // for running calls to end after the context has. Default 10 seconds
	Connections   int           // that are open at once; less where the process may not open so many files. Default 4096
}

// connections leaves a quarter of the files to the databases, the audit log and whatever else is open.
func (s *Server) connections() int {
	most := cmp.Or(s.Connections, 4096)
	if files, ok := openFiles(); ok && most > files/4*3 {
		s.Logger.Warn().
			Int("configured", most).
			Int("connections", files/4*3).
			Int("open_files", files).
			Msg("the process may open too few files for so many connections")
		most = files / 4 * 3
	}
	return most
}

// Serve serves on the listener until the context ends. Then it takes no more calls, lets the running ones end, and cuts
// off those that have not ended when the grace is over. It returns when they have put themselves on the record, or
// after the grace once more.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	connections := newConnections(s.connections(), s.Logger)
	var running sync.RWMutex // each call reads; the end writes, and no call begins after it
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.RLock()
			defer running.RUnlock()
			s.Handler.ServeHTTP(w, r)
		}),
		TLSConfig:         s.TLS,
		ReadHeaderTimeout: cmp.Or(s.HeaderTimeout, 10*time.Second),
		ReadTimeout:       cmp.Or(s.ReadTimeout, 30*time.Second),
		IdleTimeout:       cmp.Or(s.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes:    64 << 10,
		ConnState:         connections.state,
		ConnContext:       connections.context,
		// What net/http has to say is about broken connections, and quotes what clients sent.
		ErrorLog: stdlog.New(io.Discard, "", 0),
	}
	stopped := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			stopped <- server.ServeTLS(listener, "", "")
		} else {
			stopped <- server.Serve(listener)
		}
	}()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.Grace, 10*time.Second))
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Logger.Warn().Msg("calls were cut off at shutdown")
		err = server.Close() // which cancels them, and waits for none
		ended := make(chan struct{})
		go func() {
			running.Lock()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(cmp.Or(s.Grace, 10*time.Second)):
		}
	}
	return err
}
