package admin

import (
	"context"
	"errors"
	"fmt"
)

// UsageError is a command line that cannot be meant.
type UsageError struct{ error }

// Usage makes an error one of the command line.
func Usage(err error) error { return &UsageError{err} }

// Usagef is Usage of a new error.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Exit codes of the program.
const (
	ExitOK = iota
	ExitFailed
	ExitUsage
)

// Exit is how the process ends after a command: its code, and what is said of it; nil: nothing. signalled says that a
// signal interrupted the command, and endless that the command runs until one does.
func Exit(err error, signalled, endless bool) (code int, said error) {
	interrupted := signalled && errors.Is(err, context.Canceled)
	if err == nil || interrupted && endless {
		return ExitOK, nil
	}
	if interrupted { // a script must not take half a check for a whole one
		err = errors.New("interrupted")
	}
	if _, usage := errors.AsType[*UsageError](err); usage {
		return ExitUsage, err
	}
	return ExitFailed, err
}
