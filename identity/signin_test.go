package identity_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deputy/identity"
)

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestSignInFromTheEnvironment(t *testing.T) {
	s, err := identity.FromEnvironment(
		environment(map[string]string{"DEPUTY_AGENT_KEY": "key", "DEPUTY_USER_TOKEN": "token"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Credentials(); err != nil || c.AgentKey != "key" || c.UserToken != "token" || c.Bearer != "" {
		t.Errorf("both come from the environment: got key %q, token %q, %v", c.AgentKey, c.UserToken, err)
	}
	_, err = identity.FromEnvironment(
		environment(map[string]string{"DEPUTY_USER_TOKEN": "secret", "DEPUTY_USER_TOKEN_FILE": "/run/token"}),
	)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("two tokens are an error that names neither: got %v", err)
	}
}

func TestATokenFileIsReadAgainForEveryCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	s, err := identity.FromEnvironment(
		environment(map[string]string{"DEPUTY_AGENT_KEY": "key", "DEPUTY_USER_TOKEN_FILE": path}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"first", "second"} {
		write(t, path, token+"\n", 0o600)
		if c, err := s.Credentials(); err != nil || c.UserToken != token || c.AgentKey != "key" {
			t.Errorf("the token is %q: got %q, %v", token, c.UserToken, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c, err := s.Credentials()
	if code(err) != identity.Missing {
		t.Errorf("without its file nobody is signed in: got %v", err)
	}
	if c != (identity.Credentials{}) {
		t.Error("a call without its human does not become a call of the agent alone")
	}
}

func TestTokenFilesThatAreRefused(t *testing.T) {
	rows := []struct {
		name, content string
		mode          os.FileMode
	}{
		{"readable by the group", "secret", 0o640},
		{"readable by everybody", "secret", 0o604},
		{"writable by others", "secret", 0o602},
		{"empty", " \n", 0o600},
		{"longer than 16 KiB", strings.Repeat("secret", 3000), 0o600},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			write(t, path, row.content, row.mode)
			assertFileRefused(t, path)
		})
	}
	t.Run("a directory", func(t *testing.T) { assertFileRefused(t, t.TempDir()) })
}

func assertFileRefused(t *testing.T, path string) {
	t.Helper()
	s, err := identity.FromEnvironment(
		environment(map[string]string{"DEPUTY_AGENT_KEY": "key", "DEPUTY_USER_TOKEN_FILE": path}),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Credentials()
	if code(err) != identity.Missing {
		t.Errorf("the file is refused: got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("its content is not in the error: %v", err)
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}
