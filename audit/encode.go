package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLine is the longest line that is written or read, in bytes. Far above what the transports let in.
const maxLine = 16 << 20

// encode makes the record's line, newline included. It holds no other control character and no character that a
// terminal or an editor would not show (C1 controls, bidirectional overrides, zero-width characters, which
// encoding/json lets pass): text in a record can neither start a line of its own nor look like another.
func encode(r Record) ([]byte, error) {
	if r.V == 0 {
		r.V = Version
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people grep for "a < b"
	if err := enc.Encode(r); err != nil {
		return nil, err
	}
	line := append(Escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), '\n')
	if len(line) > maxLine {
		return nil, fmt.Errorf("%d bytes are more than a line may have", len(line))
	}
	return line, nil
}

// Escape makes JSON safe to print: it writes every character that cannot be seen as \u and four digits. Outside of
// strings JSON has none.
func Escape(text []byte) []byte {
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
	return r, readable(r.V - Version)
}

// readable refuses what is ahead of this Deputy's version by so many.
func readable(ahead int) error {
	if ahead <= 0 {
		return nil
	}
	return fmt.Errorf("a newer Deputy wrote it (v %d, and this one knows %d): use that one", Version+ahead, Version)
}

// Native is the record as the log has it, in one line of JSON without its end: examples/audit-record.schema.json
// describes it.
func Native(r Record) ([]byte, error) {
	line, err := encode(r)
	return bytes.TrimSuffix(line, []byte("\n")), err
}
