package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// The environment variables that stdio takes its credentials from.
const (
	EnvAgentKey      = "DEPUTY_AGENT_KEY"
	EnvUserToken     = "DEPUTY_USER_TOKEN"
	EnvUserTokenFile = "DEPUTY_USER_TOKEN_FILE"

	// EnvSignIn is for agents that may act on their own: yes, or the name of the issuer, has them act for the human who
	// signed in with deputy login, and never without. No has no agent act for them.
	EnvSignIn = "DEPUTY_SIGN_IN"
)

// ErrSignIn is the cause of a refusal that the human mends by signing in.
var ErrSignIn = errors.New("a sign-in is needed")

// SignIn is where a process that serves one agent, over stdio, has its credentials from.
type SignIn struct {
	agentKey      string
	userToken     string
	userTokenFile string

	human    Human
	mu       sync.Mutex
	onBehalf bool // decided, for the life of the process: no call after this is of the agent alone
	alone    bool // decided
}

// Human is where the token of a human comes from who has signed in, for a process that was given none.
type Human struct {
	// whoever started the process wants every call to be on the human's behalf
	Asked bool
	// whether the agent with that key cannot act without a human; not known: nobody's key
	Needed func(key string) (needed, known bool)
	Token  func() (string, error) // errors are *AuthError
}

func (*SignIn) String() string { return "sign-in" } // not its secrets

// FromEnvironment reads the variables above; give it os.Getenv.
func FromEnvironment(getenv func(string) string) (*SignIn, error) {
	s := &SignIn{agentKey: getenv(EnvAgentKey), userToken: getenv(EnvUserToken), userTokenFile: getenv(EnvUserTokenFile)}
	if s.userToken != "" && s.userTokenFile != "" {
		return nil, fmt.Errorf("%s and %s are both set: set one", EnvUserToken, EnvUserTokenFile)
	}
	return s, nil
}

// HasToken reports whether the environment names the human.
func (s *SignIn) HasToken() bool { return s.userToken != "" || s.userTokenFile != "" }

// AgentKey is the key in the environment.
func (s *SignIn) AgentKey() string { return s.agentKey }

// For has the process act for a human who signs in, when the environment names none.
func (s *SignIn) For(h Human) { s.human = h }

// forHuman decides once whether the calls of this process have a human: when somebody asked for it, or the agent cannot
// act without. An agent that may act on its own does so unless it is asked. A configuration that changes does not
// change the answer, so that no call becomes one of the agent alone by accident.
func (s *SignIn) forHuman() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.human.Token == nil || s.alone:
		return false
	case s.onBehalf || s.human.Asked:
		return true
	}
	needed, known := s.human.Needed(s.agentKey)
	s.onBehalf, s.alone = known && needed, known && !needed
	return s.onBehalf // nobody's key is refused, and nothing is decided
}

// Credentials returns what the next call authenticates with. The token file is read again for every call, so that a
// token which was renewed there is used, and one that was taken away is not. Errors are *AuthError.
func (s *SignIn) Credentials() (Credentials, error) {
	c := Credentials{AgentKey: s.agentKey, UserToken: s.userToken}
	if !s.HasToken() && s.forHuman() {
		token, err := s.human.Token()
		if err != nil {
			return Credentials{}, err
		}
		if token == "" { // it would be a call of the agent alone
			return Credentials{}, &AuthError{Code: Missing, Message: "nobody is signed in", Cause: ErrSignIn}
		}
		c.UserToken = token
		return c, nil
	}
	if s.userTokenFile == "" {
		return c, nil
	}
	token, err := readPrivate(s.userTokenFile)
	if err != nil {
		// A call without its human must not become a call of the agent alone.
		return Credentials{}, &AuthError{
			Code:    Missing,
			Message: "the user's token file cannot be used: sign in again",
			Cause:   fmt.Errorf("read %s: %w", EnvUserTokenFile, err),
		}
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
	content, err := io.ReadAll(io.LimitReader(file, MaxToken+1))
	if err != nil {
		return "", err
	}
	if len(content) > MaxToken {
		return "", fmt.Errorf("%s is longer than %d bytes", path, MaxToken)
	}
	if content = bytes.TrimSpace(content); len(content) == 0 {
		return "", errors.New(path + " is empty")
	}
	return string(content), nil
}
