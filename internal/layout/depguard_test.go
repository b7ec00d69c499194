package layout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	begin = "        # Rendered by make layout from internal/layout/table.go: from here\n"
	end   = "        # to here.\n"
)

func TestDepguardIsTheTable(t *testing.T) {
	path := filepath.Join(root, ".golangci.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	rules, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("the marks around the rules of depguard are not there")
	}
	want := depguard(rooms, libraries)
	if rules == want {
		return
	}
	if !*update {
		t.Fatal(".golangci.yml has other rules than the table: run make layout")
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDepguardForbids gives the linter a module of empty rooms, in which each room imports one that stands after it.
func TestDepguardForbids(t *testing.T) {
	linter := linterPath(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(".golangci.yml", string(config))
	write("go.mod", "module "+module+"\n\ngo 1.26.0\n\nrequire github.com/mark3labs/mcp-go v1.0.0\n\n"+
		"replace github.com/mark3labs/mcp-go => ./stub\n")
	write("stub/go.mod", "module github.com/mark3labs/mcp-go\n\ngo 1.26.0\n")
	write("stub/mcp/mcp.go", "// Package mcp is empty.\npackage mcp\n")
	var forbidden []string
	for _, room := range rooms {
		folder := strings.TrimSuffix(room.Folder, "/...")
		write(folder+"/room.go", "// Package room is empty.\npackage room\n")
		if folder != "cmd/deputy" {
			forbidden = append(forbidden, importing(write, folder, module+"/cmd/deputy"))
		}
	}
	forbidden = append(forbidden,
		importing(write, "identity", module+"/identity/oidc"),
		importing(write, "entitlements", module+"/entitlements/requests"),
		importing(write, "vending", module+"/vending/sqlite"),
		importing(write, "mcp", module+"/vending"),
		importing(write, "internal/assembly", module+"/internal/testkit"),
		importing(write, "tools", protocol),
	)
	given := []string{importing(write, "mcp", module+"/tools"), importing(write, "mcp", protocol)}

	run := exec.Command(linter, "run", "--enable-only=depguard", "--output.text.path=stdout", "./...")
	run.Dir = dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := run.CombinedOutput()
	if err == nil {
		t.Fatalf("the linter finds nothing: %s", out)
	}
	for _, file := range forbidden {
		if !strings.Contains(string(out), file+":") {
			t.Errorf("depguard does not find %s", file)
		}
	}
	for _, file := range given {
		if strings.Contains(string(out), file+":") {
			t.Errorf("depguard forbids what the table gives: %s", file)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

const protocol = "github.com/mark3labs/mcp-go/mcp"

// importing writes a file of a room that imports a package, and returns the file's name.
func importing(write func(name, text string), folder, imported string) string {
	name := folder + "/" + strings.NewReplacer("/", "_", ".", "_").Replace(imported) + ".go"
	write(name, fmt.Sprintf("package room\n\nimport _ %q\n", imported))
	return name
}

// linterPath is the linter that make lint builds, or the one that is installed.
func linterPath(t *testing.T) string {
	t.Helper()
	built, err := filepath.Abs(filepath.Join(root, "bin", "golangci-lint"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{os.Getenv("DEPUTY_LINTER"), built, "golangci-lint"} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skip("golangci-lint is not here: make lint builds it, DEPUTY_LINTER names another")
	return ""
}
