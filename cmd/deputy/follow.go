package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"deputy/internal/assembly"
	"deputy/internal/budget"
	"deputy/internal/config"
)

// follow starts what the configuration says and follows it, and SIGHUP, until the command ends.
func follow(c *cobra.Command, load func() (*config.Config, error)) (*assembly.Live, error) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // first of all: one that comes while this starts must not end the process
	budget.LimitProcess()
	d, err := assembly.Follow(
		c.Context(),
		load,
		func(level string) zerolog.Logger { return newLog(c.ErrOrStderr(), level) },
	)
	if err != nil {
		return nil, err
	}
	go d.Watch(c.Context(), hangup)
	return d, nil
}
