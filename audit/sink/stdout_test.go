package sink_test

import (
	"bytes"
	"errors"
	"testing"

	"deputy/audit"
	"deputy/audit/sink"
)

// halting writes so many bytes, and then fails once.
type halting struct {
	bytes.Buffer
	after int
}

func (h *halting) Write(b []byte) (int, error) {
	if n := h.after; n >= 0 && n < len(b) {
		h.after = -1
		h.Buffer.Write(b[:n])
		return n, errors.New("broken")
	}
	return h.Buffer.Write(b)
}

func TestEveryLineOfStandardOutputIsOneRecordOrIsTorn(t *testing.T) {
	for after := range 40 {
		out := &halting{after: after}
		s := sink.NewLines(out)
		m := messageOf(t, audit.Native, hostile())
		if s.Deliver(t.Context(), []sink.Message{m}) == nil {
			t.Fatal("half a line is taken for a record")
		}
		if err := s.Deliver(t.Context(), []sink.Message{m}); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
		if last := lines[len(lines)-1]; !bytes.Equal(last, m.Text) || len(lines) != 1+min(after, 1) {
			t.Errorf("after %d bytes and a failure, what follows is glued to them: %q", after, out.String())
		}
	}
}
