package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/mcp/httpd"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:         "serve",
		Annotations: map[string]string{untilInterrupted: "yes"},
		Short:       "Serve MCP over HTTP, for chat hosts and agents with a network",
		Long: `Serves the tools at /mcp, and /healthz and /readyz for whoever watches. Hosts relay the human's access token as
bearer token; agents with a key send the key, and may relay the human's token in Deputy-User-Token.

A change of the configuration holds from the next call on, without a restart: it is seen by itself, and SIGHUP has it read
at once. While one cannot be in force, calls get only what both it and the one before give, and it is tried again by
itself; one that cannot be understood changes nothing. The log says why. The certificate of server.tls is followed as well: a
pair of files that do not fit together changes nothing either.

SIGTERM has /readyz fail first, then the port is closed, and running calls get server.stop to end. What is cut off then
is cancelled in its database, and on the record as that. A second signal ends the process at once.`,
		Example: "  deputy serve --config deputy.yaml\n  deputy serve --config deputy.yaml --listen 127.0.0.1:9000",
		Args:    exactly(0),
		RunE:    serve,
	}
	c.Flags().String("listen", "", "`address` to listen on instead of the configured one")
	return c
}

func serve(c *cobra.Command, _ []string) error {
	listen := flagText(c, "listen")
	d, err := follow(c, func() (*config.Config, error) {
		cfg, err := loadConfig(c)
		if err == nil && listen != "" {
			cfg.Server, err = cfg.Server.On(listen)
		}
		return cfg, err
	})
	if err != nil {
		return err
	}
	defer d.Close()
	cfg := d.Config()
	served := d.HTTP(version())
	served.Stopping = c.Context().Done()
	handler, err := httpd.New(served)
	if err != nil {
		return err
	}
	server := &httpd.Server{Handler: handler, Logger: d.Log(), Connections: cfg.Limits.Connections, Ending: d.Ending}
	certificate, err := assembly.Certificate(cfg, d.Log())
	if err != nil {
		return err
	}
	if certificate != nil {
		server.TLS = certificate.Config()
	}
	listener, err := new(net.ListenConfig).Listen(c.Context(), "tcp", cfg.Server.Listen)
	if err != nil {
		return err
	}
	log := d.Log()
	if err := serveMetrics(c.Context(), d); err != nil {
		listener.Close()
		return err
	}
	log.Info().
		Str("listen", listener.Addr().String()).
		Str("endpoint", cfg.Server.PublicURL+"/mcp").
		Strs("platforms", d.Now().Tools().Platforms()).
		Str("policy_version", cfg.Version).
		Msg("serving")
	return server.Serve(c.Context(), listener)
}

// serveMetrics answers Prometheus, if that is configured, on an address of its own: what is open to hosts and what is
// open to those who watch are decided apart.
func serveMetrics(ctx context.Context, d *assembly.Live) error {
	handler := d.Metrics()
	if handler == nil {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", d.Config().Telemetry.Prometheus)
	if err != nil {
		return fmt.Errorf("telemetry.prometheus: %w", err)
	}
	log := d.Log()
	log.Info().Str("metrics", "http://"+listener.Addr().String()+"/metrics").Msg("serving metrics")
	go func() {
		if err := (&httpd.Server{Handler: handler, Logger: log}).Serve(ctx, listener); err != nil {
			log.Error().Err(err).Msg("metrics are not served any more")
		}
	}()
	return nil
}
