package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deputy/identity"
)

// Store keeps sign-ins in a folder that is its owner's alone.
type Store struct {
	Folder string
	Client *http.Client     // to ask issuers with; default one of its own
	Now    func() time.Time // default time.Now
}

// DefaultFolder is where this user's sign-ins are: below $XDG_CONFIG_HOME, or where the platform keeps configurations.
func DefaultFolder(getenv func(string) string) (string, error) {
	base := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) { // the specification says to ignore a relative one
		var err error
		if base, err = os.UserConfigDir(); err != nil {
			return "", fmt.Errorf("find the folder of sign-ins: %w", err)
		}
	}
	return filepath.Join(base, "deputy", "sign-in"), nil
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Store) path(issuer, audience string) string {
	return filepath.Join(s.Folder, fileName(issuer, audience))
}

// Login signs somebody in and keeps it, in place of whoever was signed in before.
func (s *Store) Login(ctx context.Context, t Target, f Flow) (identity.SignedIn, error) {
	t.Login = t.Login.Complete()
	if err := makeFolder(s.Folder); err != nil { // before anybody goes to a browser for nothing
		return identity.SignedIn{}, fmt.Errorf("keep the sign-in: %w", err)
	}
	if f.Client == nil {
		f.Client = s.Client
	}
	got, err := f.run(ctx, t)
	if err != nil {
		return identity.SignedIn{}, err
	}
	who, err := t.accept(ctx, got)
	if err != nil {
		return identity.SignedIn{}, fmt.Errorf("what the issuer gave is not kept: %w", err)
	}
	path := s.path(t.Issuer, t.Audience)
	unlock, err := lock(ctx, path)
	if err != nil {
		return identity.SignedIn{}, fmt.Errorf("keep the sign-in: %w", err)
	}
	defer unlock()
	if err := write(path, newEntry(t, got, who, s.now())); err != nil {
		return identity.SignedIn{}, fmt.Errorf("keep the sign-in: %w", err)
	}
	return who, nil
}

func write(path string, e entry) error {
	content, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return writePrivate(path, content)
}

// read returns a kept sign-in. Nobody signed in: fs.ErrNotExist.
func (s *Store) read(issuer, audience string) (entry, error) {
	path := s.path(issuer, audience)
	content, err := readPrivate(path)
	if err != nil {
		return entry{}, err
	}
	e, err := parseEntry(content)
	if err == nil && (e.Issuer != issuer || e.Audience != audience) {
		err = errors.New("it is another sign-in")
	}
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// Has reports whether there is a sign-in for the target, good or not.
func (s *Store) Has(t Target) bool {
	_, err := os.Lstat(s.path(t.Issuer, t.Audience))
	return err == nil
}

// At lists what was signed in for at a server, by the URL of its MCP endpoint.
func (s *Store) At(server string) ([]Target, error) {
	files, err := os.ReadDir(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []Target
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), filePrefix) || !strings.HasSuffix(file.Name(), fileSuffix) {
			continue
		}
		content, err := readPrivate(filepath.Join(s.Folder, file.Name()))
		if err != nil {
			return nil, err
		}
		if e, err := parseEntry(content); err == nil && e.Server == server {
			found = append(found, e.target())
		}
	}
	return found, nil
}
