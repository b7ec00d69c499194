package halt

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/identity/stops"
)

// Where no server answers, a stop must not look whole when it may not be: a link from another folder, an issuer of
// another name.
func TestSilentStop(t *testing.T) {
	for name, tt := range map[string]struct {
		link, issuer, note string
	}{
		"a file":               {"", "", ""},
		"a link":               {"../real/deputy.yaml", "", "is a link to "},
		"a link below":         {"..data/deputy.yaml", "", ""},
		"an issuer":            {"", "https://ID.example.com/", ""},
		"an issuer's name":     {"", "corp", "there is no issuer corp"},
		"an issuer of another": {"", "https://other.example.com", "there is no issuer"},
	} {
		folder := t.TempDir()
		file := filepath.Join(folder, "etc", "deputy.yaml")
		text := "server: {listen: 127.0.0.1:1}\nidentity: {issuers: [{name: corp, url: https://id.example.com}]}\n"
		at := file
		if tt.link != "" {
			at = filepath.Join(folder, "etc", tt.link)
		}
		for _, dir := range []string{filepath.Dir(file), filepath.Dir(at)} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if tt.link != "" {
			if err := os.Symlink(tt.link, file); err != nil {
				t.Fatal(err)
			}
		}
		change := StopChange{ConfigFile: file, Stop: stops.Stop{User: "kim", Issuer: tt.issuer}}
		r, err := ChangeStops(context.Background(), change, os.LookupEnv)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		notes := strings.Join(r.Notes, "\n")
		if r.Done() != (tt.note == "") || !strings.Contains(notes, tt.note) {
			t.Errorf("%s: done: %t, notes: %q, servers: %v", name, r.Done(), notes, r.Servers)
		}
	}
}
