package sink

import (
	"context"
	"io"
)

// Lines writes each message as one line: to standard output, for whatever collects it there.
type Lines struct {
	to   io.Writer
	torn bool // the last write did not end with a whole line
}

// NewLines writes to a writer that it does not close.
func NewLines(to io.Writer) *Lines { return &Lines{to: to} }

// Deliver implements Sink. A pipe that nobody reads holds it up beyond the context: nothing can be done about that, and
// it goes on when somebody does.
func (s *Lines) Deliver(_ context.Context, messages []Message) error {
	var text []byte
	if s.torn {
		text = append(text, '\n')
	}
	for _, m := range messages {
		text = append(append(text, m.Text...), '\n')
	}
	n, err := s.to.Write(text)
	if s.torn = n < len(text) && (n > 0 && text[n-1] != '\n' || n == 0 && s.torn); err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	return err
}

// Close implements Sink.
func (s *Lines) Close() error { return nil }
