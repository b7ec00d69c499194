package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLine is the longest line that is written or read, in bytes. Far above what the transports let in.
const maxLine = 16 << 20

// encode makes the record's line, newline included. It holds no other control character and no character that a terminal or an
// editor would not show (C1 controls, bidirectional overrides, zero-width characters, which encoding/json lets pass): text in a
// record can neither start a line of its own nor look like another.
func encode(r Record) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people grep for "a < b"
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	line := append(escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n')
	if len(line) > maxLine {
		return nil, fmt.Errorf("%d bytes are more than a line may have", len(line))
	}
	return line, nil
}

// escape writes every character that cannot be seen as \u and four digits. Outside of strings JSON has none.
func escape(text []byte) []byte {
	out := make([]byte, 0, len(text)+1)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if unicode.IsGraphic(r) {
			out = append(out, text[:size]...)
		} else {
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return out
}

// Read yields the records of a log in order. A line that is no record (torn by a crash, edited, too long) is yielded as an error
// that names its number, and reading goes on with the next; an error of the reader itself ends it. Blank lines are skipped: a Log
// leaves one where it recovered from a failed write.
func Read(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		in := bufio.NewReader(r)
		for number := 1; ; number++ {
			line, err := readLine(in)
			if err != nil && err != io.EOF {
				yield(Record{}, fmt.Errorf("reading the audit log: %w", err))
				return
			}
			if len(bytes.TrimSpace(line)) > 0 {
				record, bad := decode(line)
				if bad != nil {
					bad = fmt.Errorf("audit log, line %d: not a record: %w", number, bad)
				}
				if !yield(record, bad) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

func decode(line []byte) (Record, error) {
	if len(line) > maxLine {
		return Record{}, fmt.Errorf("it has more than %d bytes", maxLine)
	}
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, err
	}
	if r.ID == "" {
		return Record{}, errors.New("it has no id")
	}
	return r, nil
}

// readLine reads up to and with the next newline, or the end. Of a line above maxLine only so much is kept that decode can tell.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
