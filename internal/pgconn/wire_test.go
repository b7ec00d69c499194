package pgconn

import (
	"errors"
	"net"
	"testing"
)

// buffered goes on after it was closed, as TLS does with the rest of a record.
type buffered struct{ net.Conn }

func (buffered) Close() error { return nil }

func (buffered) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Nothing gets through a wire that was cut, by a message that is too heavy or by a context that has ended.
func TestCutWireStaysCut(t *testing.T) {
	ended := errors.New("ended")
	for name, cut := range map[string]func(*wire) error{
		"a heavy message": func(w *wire) error {
			w.meter.weigh = func(int) error { return errHeavy }
			_, err := w.Read(make([]byte, 100))
			return err
		},
		"a context": func(w *wire) error { w.cut(ended); return ended },
	} {
		w := newWire(buffered{}, Config{})
		want := cut(w)
		if !errors.Is(want, errHeavy) && !errors.Is(want, ended) {
			t.Errorf("%s: the wire is cut for %v", name, want)
		}
		for size := range 10 {
			if n, err := w.Read(make([]byte, size+1)); n != 0 || !errors.Is(err, want) {
				t.Errorf("%s: %d bytes get through: %v", name, n, err)
			}
		}
	}
}
