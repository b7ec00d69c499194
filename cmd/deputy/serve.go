package main

import (
	"net"

	"github.com/spf13/cobra"

	"deputy/internal/assembly"
	"deputy/mcp"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve MCP over HTTP, for chat hosts and agents with a network",
		Long: `Serves the tools at /mcp, and /healthz and /readyz for whoever watches. Hosts relay the human's access token as
bearer token; agents with a key send the key, and may relay the human's token in Deputy-User-Token.`,
		Example: "  deputy serve --config deputy.yaml\n  deputy serve --config deputy.yaml --listen 127.0.0.1:9000",
		Args:    exactly(0),
		RunE:    serve,
	}
	c.Flags().String("listen", "", "`address` to listen on instead of the configured one")
	return c
}

func serve(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	if listen, _ := c.Flags().GetString("listen"); listen != "" {
		if cfg.Server, err = cfg.Server.On(listen); err != nil {
			return err
		}
	}
	log := newLog(c.ErrOrStderr(), cfg.Server.LogLevel)
	d, err := assembly.New(c.Context(), cfg, log)
	if err != nil {
		return inFile(c, cfg, err)
	}
	defer d.Close()
	handler, err := mcp.NewHTTP(d.MCP(version()))
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(c.Context(), "tcp", cfg.Server.Listen)
	if err != nil {
		return err
	}
	log.Info().Str("listen", listener.Addr().String()).Str("endpoint", cfg.Server.PublicURL+"/mcp").Strs("platforms", d.Tools.Platforms()).Msg("serving")
	return (&mcp.Server{Handler: handler, Logger: log}).Serve(c.Context(), listener)
}
