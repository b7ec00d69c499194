package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// Server listens for a handler that NewHTTP made. The zero values of its times are useful.
type Server struct {
	Handler http.Handler
	Logger  zerolog.Logger

	ReadTimeout time.Duration // for a request to arrive, headers and body. Default 30 seconds
	Grace       time.Duration // for running calls to end after the context has. Default 10 seconds
}

// Serve serves on the listener until the context ends. Then it takes no more calls, lets the running ones end, and
// cuts off those that have not ended when the grace is over.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       orDefault(s.ReadTimeout, 30*time.Second),
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// What net/http has to say is about broken connections, and quotes what clients sent.
		ErrorLog: stdlog.New(io.Discard, "", 0),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), orDefault(s.Grace, 10*time.Second))
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Logger.Warn().Msg("calls were cut off at shutdown")
		return server.Close()
	}
	return err
}
