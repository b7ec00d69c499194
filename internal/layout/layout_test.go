package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the rules of depguard into .golangci.yml")

const (
	root = "../.."
	// maxLines is how many lines without tests the own folder of a package may have.
	maxLines = 3000
)

type listed struct {
	ImportPath, Name, Doc, Dir string
	Imports                    []string
}

func (p listed) folder() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages are all of the module, as go list tells them.
func packages(t *testing.T) (all []listed) {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Doc,Dir,Imports", "./...")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportTableHolds(t *testing.T) {
	for _, p := range packages(t) {
		for _, wrong := range against(rooms, libraries, p.folder(), p.Imports) {
			t.Error(wrong)
		}
	}
}

func TestKnowledgePointsOneWay(t *testing.T) {
	for _, wrong := range upward(rooms) {
		t.Error(wrong)
	}
	turned := []Room{{"mcp", []string{"tools"}}, {"tools", nil}}
	if len(upward(turned)) != 1 {
		t.Errorf("a room that names one after it is found: %q", upward(turned))
	}
	if wide := []Room{{"a", nil}, {"b", []string{"a/..."}}, {"a/c", nil}}; len(upward(wide)) != 1 {
		t.Errorf("a room that names one after it by dots is found: %q", upward(wide))
	}
}

func TestEachRoomIsThere(t *testing.T) {
	all, rows := packages(t), map[string]bool{}
	for _, room := range rooms {
		if rows[room.Folder] {
			t.Errorf("%s has two rows", room.Folder)
		}
		rows[room.Folder] = true
		there := false
		for _, p := range all {
			found := roomOf(rooms, p.folder())
			there = there || found != nil && found.Folder == room.Folder
		}
		if !there {
			t.Errorf("%s has a row and no package", room.Folder)
		}
	}
}

// TestForbiddenImportIsFound adds imports that the table does not give.
func TestForbiddenImportIsFound(t *testing.T) {
	for _, forbidden := range []struct{ folder, imported string }{
		{"identity", "deputy/tools"},
		{"identity", "deputy/identity/oidc"},
		{"mcp", "deputy/vending"},
		{"mcp", "deputy/entitlements"},
		{"mcp", "deputy/mcp/httpd"},
		{"vending", "deputy/vending/postgres"},
		{"vending/postgres/gate", "deputy/tools"},
		{"audit", "deputy/audit/index"},
		{"internal/assembly", "deputy/internal/testkit/issuer"},
		{"tools", "github.com/mark3labs/mcp-go/mcp"},
		{"mcp/httpd", "github.com/mark3labs/mcp-go/server"},
		{"vending", "go.yaml.in/yaml/v4"},
		{"newcomer", "fmt"},
	} {
		if len(against(rooms, libraries, forbidden.folder, []string{forbidden.imported})) == 0 {
			t.Errorf("%s imports %s, and the table says nothing", forbidden.folder, forbidden.imported)
		}
	}
	if wrong := against(rooms, libraries, "mcp", []string{"deputy/tools", "github.com/mark3labs/mcp-go/mcp", "fmt"}); len(
		wrong,
	) > 0 {
		t.Errorf("what the table gives is found: %q", wrong)
	}
}

func TestFoldersAreBounded(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if lines > maxLines {
			t.Errorf("%s has %d lines without tests: more than %d hold more than one noun", p.folder(), lines, maxLines)
		}
	}
}

func TestDocsBeginWithTheirNoun(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("the doc of %s begins with %q: got %q", p.folder(), want, p.Doc)
		}
	}
}
