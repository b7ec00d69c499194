package field

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/throwaway"
)

var update = flag.Bool("update", false, "take lines that hold now off testdata/known.txt")

// What all tests share: TestMain starts it and takes it down.
var (
	scratch   string
	cluster   = throwaway.NewShared()
	authority *issuer.Issuer
	program   string
)

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("DEPUTY_FIELD") == "" && !*update {
		fmt.Println("the cases of the field are played by make field, which sets DEPUTY_FIELD")
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// worlds are the tests, after which no server runs any more that uses the cluster.
type worlds struct{ *testing.M }

func (w worlds) Run() int {
	defer stopWorlds()
	return w.M.Run()
}

func run(m *testing.M) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "deputy-field-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if authority, err = issuer.Start(issuer.Config{}); err != nil {
		return 0, err
	}
	defer authority.Close()
	if program, err = build(); err != nil {
		return 0, err
	}
	if err := readKnown(); err != nil {
		return 0, err
	}
	if err := readLimits(); err != nil {
		return 0, err
	}
	flag.Set("test.parallel", "8") // most of them wait
	code = throwaway.Tests{M: worlds{m}}.Run()
	printTable()
	unmet, err := unmetLimits()
	if err != nil {
		return code, err
	}
	for _, row := range unmet {
		fmt.Fprintln(os.Stderr, row)
		code = 1
	}
	if *update {
		err = writeKnown()
	}
	return code, err
}

// build compiles deputy. It looks at the sources, so that go test does not take an old result for a changed program.
func build() (string, error) {
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasSuffix(path, "_test.go") && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "deputy")
	command := exec.Command("go", "build", "-o", path, "deputy/cmd/deputy")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building deputy: %w: %s", err, out)
	}
	return path, nil
}
