package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
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
	// Ending says how much time there is when the context has ended. Nil: the defaults of End.
	Ending      func() End
	Connections int // that are open at once; less where the process may not open so many files. Default 4096
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

// Serve serves on the listener until the context ends, and then ends in the steps that End describes. It returns when
// the last call has put itself on the record, or when the times of End are over.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	connections := newConnections(s.connections(), s.Logger)
	var running sync.RWMutex // each call reads; the end writes, and no call begins after it
	var balancer balancer
	calls, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.RLock()
			defer running.RUnlock()
			if ctx.Err() != nil && r.ProtoMajor == 1 {
				w.Header().Set("Connection", "close") // the client's next request goes to another server
			}
			balancer.note(r)
			s.Handler.ServeHTTP(w, r)
		}),
		TLSConfig:         s.TLS,
		ReadHeaderTimeout: cmp.Or(s.HeaderTimeout, 10*time.Second),
		ReadTimeout:       cmp.Or(s.ReadTimeout, 30*time.Second),
		IdleTimeout:       cmp.Or(s.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes:    64 << 10,
		ConnState:         connections.state,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return connections.context(ctx, conn, calls)
		},
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
	return s.end(server, &running, &balancer, cut)
}
