package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/throwaway"
)

func TestMain(m *testing.M) {
	testscript.Main(throwaway.Tests{M: m}, map[string]func(){"deputy": main, "xdg-open": browse})
}

// engines are what everything below has to hold on.
var engines = []string{config.SQLite, config.Postgres}

// stage sets the demo's stage: the real server on loopback, its issuer, and an engine with the data.
func stage(t testing.TB, engine string) *demo.Stage {
	t.Helper()
	return loggedStage(t, engine, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel))
}

func loggedStage(t testing.TB, engine string, log zerolog.Logger) *demo.Stage {
	t.Helper()
	return startStage(t, demo.Config{Engine: engine, Log: log})
}

func startStage(t testing.TB, c demo.Config) *demo.Stage {
	t.Helper()
	s, err := demo.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("taking the stage down: %v", err)
		}
	})
	return s
}

// slowly is a clock that goes a hundred times slower than the day's, so that what is approved for seconds outlives a
// busy machine.
func slowly() func() time.Time {
	began := time.Now()
	return func() time.Time { return began.Add(time.Since(began) / 100) }
}

// passing lets time pass on the stage's clock, where the story waits.
func passing(s *demo.Stage) func(context.Context, time.Duration) error {
	return func(_ context.Context, d time.Duration) error {
		s.Pass(d)
		return nil
	}
}

// process starts deputy as a process of its own, with the stage's configuration.
func process(t testing.TB, s *demo.Stage, extraEnv []string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(deputyBinary(t), append(args, "--config", s.ConfigFile)...)
	command.Env = append(append(os.Environ(), s.Environment()...), extraEnv...)
	return command
}

// deputyBinary is the test binary under the name that makes it run main: see testscript.Main.
func deputyBinary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("deputy")
	if err != nil {
		t.Fatal(fmt.Errorf("testscript.Main did not put deputy on the PATH: %w", err))
	}
	return path
}
