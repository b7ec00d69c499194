package durable

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// shortly is a context that ends when it is clear that a lock is not to be had.
func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func lockFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Which ways to hold a lock go together.
func TestHolders(t *testing.T) {
	for _, tt := range []struct {
		first, second Mode
		together      bool
	}{
		{Exclusive, Exclusive, false},
		{Exclusive, Shared, false},
		{Shared, Exclusive, false},
		{Shared, Shared, true},
	} {
		path := lockFile(t)
		release, err := Hold(t.Context(), path, tt.first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Hold(shortly(t), path, tt.second)
		if (err == nil) != tt.together || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v: %v", tt, err)
		}
		if err == nil {
			second()
		}
		release()
		if second, err = Hold(t.Context(), path, Exclusive); err != nil {
			t.Errorf("%+v: after both let go: %v", tt, err)
		} else {
			second()
		}
	}
}

// Lock waits until the other lets go, and a waiter that gave up does not hold the lock when its turn comes.
func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(shortly(t), path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that is held: %v", err)
	}
	taken := make(chan error)
	go func() {
		unlock, err := Lock(context.Background(), path)
		if err == nil {
			unlock()
		}
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("two hold the lock (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	if err := <-taken; err != nil {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(over, path); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over takes the lock: %v", err)
	}
	if info, err := os.Stat(path + ".lock"); err != nil || info.Mode() != 0o600 {
		t.Errorf("others may open the lock: %v (%v)", info.Mode(), err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("to lock a file makes it")
	}
}

// The first that joins is alone; those that come while it is there are not, and hinder nobody.
func TestJoin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.lock")
	join := func(want bool) func() {
		t.Helper()
		alone, leave, err := Join(path)
		if err != nil || alone != want {
			t.Fatalf("alone: %v (%v)", alone, err)
		}
		return leave
	}
	first := join(true)
	second := join(false)
	first()
	third := join(false)
	second()
	third()
	join(true)()
}

// A process that is killed holds no lock any more.
func TestKilledHolderLetsGo(t *testing.T) {
	const variable = "DURABLE_HOLD"
	if path := os.Getenv(variable); path != "" {
		unlock, err := Lock(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("held\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or its parent is gone
		unlock()
		return
	}
	path := filepath.Join(t.TempDir(), "file")
	child := exec.Command(os.Args[0], "-test.run=^TestKilledHolderLetsGo$")
	child.Env = append(os.Environ(), variable+"="+path)
	in, inErr := child.StdinPipe()
	out, err := child.StdoutPipe()
	if err := errors.Join(inErr, err, child.Start()); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	if _, err := Lock(shortly(t), path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("another process holds it: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
