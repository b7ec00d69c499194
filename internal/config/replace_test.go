package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSomebodyElsesChangeIsNotUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := openForChange(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.replace([]byte("ours")); err == nil || !strings.Contains(err.Error(), "somebody else has just changed the file") {
		t.Errorf("it is replaced: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "theirs" {
		t.Errorf("the file says %s", text)
	}
}
