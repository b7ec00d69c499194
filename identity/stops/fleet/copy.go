package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"deputy/identity/stops"
	"deputy/internal/durable"
)

// header begins a copy, before the hash of what follows in its next line: a name in it that a broken disk has changed
// would be another name.
const header = "deputy: a copy of the shared list of stops, "

// maxCopy is the size of the largest copy that is read, in bytes.
const maxCopy = 16 << 20

// copied is what stands in a copy.
type copied struct {
	Read    time.Time     `json:"read"` // When the list was read from the state.
	Entries []copiedEntry `json:"entries"`
}

type copiedEntry struct {
	ID   string          `json:"id"`
	Stop json.RawMessage `json:"stop"`
}

// writeCopy makes a copy durable, in place of the one before.
func writeCopy(path string, read time.Time, entries []Entry) error {
	c := copied{Read: read.UTC().Round(0), Entries: []copiedEntry{}}
	for _, e := range entries {
		text, err := e.Encode()
		if err != nil {
			return err
		}
		c.Entries = append(c.Entries, copiedEntry{e.ID, json.RawMessage(text)})
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return durable.Write(path, 0o600, []byte(header+hex.EncodeToString(sum[:])+"\n"+string(body)+"\n"))
}

// ReadCopy reads what a server has copied, and when it had read that from the state. The error is fs.ErrNotExist where
// there is no copy; of a copy that is not whole nothing is believed.
func ReadCopy(path string) (entries []Entry, read time.Time, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, read, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, read, err
	}
	if !info.Mode().IsRegular() {
		return nil, read, errors.New("it is not a plain file")
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 && runtime.GOOS != "windows" {
		return nil, read, fmt.Errorf("other accounts may write it: its mode is %04o", mode)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxCopy+1))
	if err != nil || len(text) > maxCopy {
		return nil, read, errors.Join(err, fmt.Errorf("it is larger than %d bytes, or cannot be read", maxCopy))
	}
	return parseCopy(text)
}

func parseCopy(text []byte) (entries []Entry, read time.Time, err error) {
	first, body, _ := bytes.Cut(text, []byte("\n"))
	body = bytes.TrimSuffix(body, []byte("\n"))
	hash, ok := strings.CutPrefix(string(first), header)
	if sum := sha256.Sum256(body); !ok || hash != hex.EncodeToString(sum[:]) {
		return nil, read, errors.New("it is not as Deputy wrote it")
	}
	var c copied
	if err := json.Unmarshal(body, &c); err != nil || c.Read.IsZero() {
		return nil, read, errors.New("its content is not understood")
	}
	for _, e := range c.Entries {
		s, err := stops.Decode(e.Stop)
		if err != nil || e.ID == "" {
			return nil, read, fmt.Errorf("entry %.40q is not understood: %w", e.ID, err)
		}
		entries = append(entries, Entry{e.ID, s})
	}
	return entries, c.Read, nil
}
