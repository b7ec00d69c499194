package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// The environment variables that stdio takes its credentials from.
const (
	EnvAgentKey      = "DEPUTY_AGENT_KEY"
	EnvUserToken     = "DEPUTY_USER_TOKEN"
	EnvUserTokenFile = "DEPUTY_USER_TOKEN_FILE"
)

// ErrSignIn is the cause of a refusal that the human mends by signing in.
var ErrSignIn = errors.New("a sign-in is needed")

// SignIn is where a process that serves one agent, over stdio, has its credentials from.
type SignIn struct {
	agentKey      string
	userToken     string
	userTokenFile string
}

func (*SignIn) String() string { return "sign-in" } // not its secrets

// FromEnvironment reads the variables above; give it os.Getenv.
func FromEnvironment(getenv func(string) string) (*SignIn, error) {
	s := &SignIn{getenv(EnvAgentKey), getenv(EnvUserToken), getenv(EnvUserTokenFile)}
	if s.userToken != "" && s.userTokenFile != "" {
		return nil, fmt.Errorf("%s and %s are both set: set one", EnvUserToken, EnvUserTokenFile)
	}
	return s, nil
}

// Credentials returns what the next call authenticates with. The token file is read again for every call, so that a token which
// was renewed there is used, and one that was taken away is not. Errors are *AuthError.
func (s *SignIn) Credentials() (Credentials, error) {
	c := Credentials{AgentKey: s.agentKey, UserToken: s.userToken}
	if s.userTokenFile == "" {
		return c, nil
	}
	token, err := readPrivate(s.userTokenFile)
	if err != nil {
		// A call without its human must not become a call of the agent alone.
		return Credentials{}, &AuthError{Code: Missing, Message: "the user's token file cannot be used: sign in again", Cause: fmt.Errorf("read %s: %w", EnvUserTokenFile, err)}
	}
	c.UserToken = token
	return c, nil
}

// readPrivate reads a small file that only its owner can read.
func readPrivate(path string) (string, error) {
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return "", fmt.Errorf("%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat() // of what was opened, whatever the path names by now
	if err != nil {
		return "", err
	}
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("%s has mode %04o and others may use it: chmod 600 it", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxToken {
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxToken)
	}
	if content = bytes.TrimSpace(content); len(content) == 0 {
		return "", errors.New(path + " is empty")
	}
	return string(content), nil
}
