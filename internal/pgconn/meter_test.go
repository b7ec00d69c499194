package pgconn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lib/pq"
)

// message is one as PostgreSQL sends it.
func message(kind byte, body string) []byte {
	out := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(out, body...)
}

// passed feeds a meter in pieces of random sizes, and returns what it lets through.
func passed(m *meter, sent []byte) (through []byte, _ error) {
	for len(sent) > 0 {
		n := 1 + rand.IntN(min(len(sent), 5000))
		pass, err := m.read(sent[:n])
		through = append(through, sent[:pass]...)
		if err != nil {
			return through, err
		}
		sent = sent[n:]
	}
	return through, nil
}

var errHeavy = errors.New("too heavy")

// A message is weighed at its header: lib/pq never sees the length of one that is refused, and allocates nothing.
func TestHeavyMessageStopsAtHeader(t *testing.T) {
	for range 300 {
		before := append(message('T', strings.Repeat("t", rand.IntN(light))), message('D', "row")...)
		var asked []int
		m := &meter{weigh: func(n int) error {
			if asked = append(asked, n); n > 50_000 {
				return errHeavy
			}
			return nil
		}}
		fits, heavy := message('D', strings.Repeat("d", 40_000)), message('D', strings.Repeat("h", 60_000))
		through, err := passed(m, bytes.Join([][]byte{before, fits, heavy}, nil))
		want := len(before) + len(fits)
		if !errors.Is(err, errHeavy) || len(through) < want || len(through) >= want+headerSize {
			t.Fatalf("%d bytes of %d and less than a header more get through: %v", len(through), want, err)
		}
		if len(asked) != 2 || asked[0] != 40_000 || asked[1] != 60_000 {
			t.Fatalf("asked about %v", asked)
		}
	}
}

func TestMessagesGetThroughUnchanged(t *testing.T) {
	var sent []byte
	for range 200 {
		sent = append(sent, message('D', strings.Repeat("d", rand.IntN(2*light)))...)
		sent = append(sent, message('E', strings.Repeat("e", rand.IntN(longestError)))...)
	}
	m := &meter{weigh: func(int) error { return nil }}
	if through, err := passed(m, sent); err != nil || !bytes.Equal(through, sent) {
		t.Errorf("%d of %d bytes: %v", len(through), len(sent), err)
	}
}

// An error that quotes a huge value is told by its state; lib/pq would read all of it.
func TestEndlessErrorIsItsState(t *testing.T) {
	for range 100 {
		long := message('E', "SERROR\x00VERROR\x00C22P02\x00Minvalid input: "+strings.Repeat("secret ", 100_000))
		through, err := passed(&meter{}, append(message('2', ""), long...))
		var told *pq.Error
		if !errors.As(err, &told) || told.Code != "22P02" || strings.Contains(err.Error(), "secret") {
			t.Fatalf("the error is %v", err)
		}
		if len(through) >= 2*headerSize {
			t.Fatalf("%d bytes get through", len(through))
		}
	}
}

// What is no message is passed on: the plain words of a server that has no memory for a backend.
func TestOpaqueBytesAreOnlyCounted(t *testing.T) {
	words := []byte("Ecould not fork new process for connection: Cannot allocate memory\n\x00")
	if through, err := passed(&meter{}, words); err != nil || !bytes.Equal(through, words) {
		t.Errorf("%q: %v", through, err)
	}
	if _, err := passed(&meter{limit: 100_000}, bytes.Repeat(words, 2000)); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("without limit: %v", err)
	}
}
