package throwaway_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"deputy/internal/testkit/throwaway"
)

func TestAClusterIsRealAndLeavesNothing(t *testing.T) {
	c, err := throwaway.Start(context.Background(), "work_mem=1MB")
	if err != nil {
		t.Fatal(err)
	}
	db, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, memory, addresses string
	if err := db.QueryRow(`SELECT version(), current_setting('work_mem'), current_setting('listen_addresses')`).Scan(&version, &memory, &addresses); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version, "PostgreSQL ") || memory != "1MB" || addresses != "" {
		t.Errorf("the cluster is %q with work_mem %s and listens on %q", version, memory, addresses)
	}
	info, err := os.Stat(c.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others can reach the cluster's socket, which asks for no password: %v %v", info.Mode(), err)
	}
	// The Ctrl-C of a terminal goes to a whole group: the server must end when it is told to, and not under its clients.
	content, err := os.ReadFile(filepath.Join(c.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("the server is in this process's group: %d %v", group, err)
	}
	c.Stop()
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("a stopped cluster leaves %s", c.Dir)
	}
	if err := db.Ping(); err == nil {
		t.Error("a stopped cluster still answers")
	}
}

func TestWithoutBinariesTheErrorSaysWhatToInstall(t *testing.T) {
	t.Setenv("DEPUTY_PG_BIN", t.TempDir())
	if _, err := throwaway.Start(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("without server binaries Start says %v", err)
	}
}
