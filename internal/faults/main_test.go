package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/throwaway"
)

// What all faults share: TestMain starts it and takes it down.
var (
	scratch   string
	program   string
	authority *issuer.Issuer
	short     = os.Getenv("DEPUTY_FAULTS_SHORT") != ""
)

func TestMain(m *testing.M) {
	if address := os.Getenv("DEPUTY_FAULTS_RELAY"); address != "" { // this program again, in a network namespace
		relayForever(address, os.Getenv("DEPUTY_FAULTS_SOCKET"))
		return
	}
	if os.Getenv("DEPUTY_FAULTS") == "" {
		fmt.Println("the faults are made by make faults, which sets DEPUTY_FAULTS")
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "deputy-faults-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if authority, err = issuer.Start(issuer.Config{}); err != nil {
		return 0, err
	}
	defer authority.Close()
	program = filepath.Join(scratch, "deputy")
	build := exec.Command("go", "build", "-o", program, "deputy/cmd/deputy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building deputy: %w: %s", err, out)
	}
	return throwaway.Tests{M: m}.Run(), nil
}

// clusters starts the three.
func clusters(ctx context.Context) (shop, app, state *throwaway.Cluster, err error) {
	var errs [3]error
	shop, errs[0] = throwaway.Start(ctx)
	app, errs[1] = throwaway.Start(ctx)
	state, errs[2] = throwaway.Start(ctx)
	return shop, app, state, errors.Join(errs[:]...)
}
