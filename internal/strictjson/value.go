package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// What keeps a file from being one JSON value.
var (
	ErrNotText  = errors.New("it is not UTF-8 text")
	ErrCutOff   = errors.New("it ends too early")
	ErrTrailing = errors.New("something follows its end")
)

// Value is one value of a JSON text, for readers of files: they need the order and the place of what they read, and
// have no limit to how many members there are.
type Value struct {
	Text   []byte
	Offset int // of its first byte in the whole text
}

// Parse finds that a text is one JSON value in UTF-8. With an error, Offset is where it is not.
func Parse(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, ErrNotText
	}
	var text json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&text); err != nil {
		at := len(bytes.TrimRight(data, " \t\r\n")) // behind the last of a text that is cut off
		if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = int(min(wrong.Offset, int64(at)))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrCutOff
		}
		return Value{Offset: at}, err
	}
	end := int(d.InputOffset())
	if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
		return Value{Offset: len(data) - len(rest)}, ErrTrailing
	}
	return Value{Text: text, Offset: end - len(text)}, nil
}

// Members gives the members of an object in the order in which they are written, and refuses one that is there twice
// with a DuplicateError. ok is false when the value is no object.
func (v Value) Members(each func(name string, value Value) error) (ok bool, err error) {
	s := scanner{data: v.Text}
	if !s.take('{') {
		return false, nil
	}
	seen := map[string]bool{}
	return true, s.members(func(name string, value []byte) error {
		at := v.Offset + s.at - len(value)
		if seen[name] {
			return &DuplicateError{name, at}
		}
		seen[name] = true
		return each(name, Value{value, at})
	})
}

// Elements gives the elements of a list. ok is false when the value is no list.
func (v Value) Elements(each func(Value) error) (ok bool, err error) {
	s := scanner{data: v.Text}
	if !s.take('[') {
		return false, nil
	}
	return true, s.elements(func(value []byte) error {
		return each(Value{value, v.Offset + s.at - len(value)})
	})
}

// Word is the text that the value is. ok is false when it is none.
func (v Value) Word() (word string, ok bool) {
	if len(v.Text) == 0 || v.Text[0] != '"' {
		return "", false
	}
	return word, json.Unmarshal(v.Text, &word) == nil
}

// String shows the value in an error about the form of a file: its opening bracket, or what it says.
func (v Value) String() string {
	if word, ok := v.Word(); ok {
		return word
	}
	if len(v.Text) > 0 && (v.Text[0] == '{' || v.Text[0] == '[') {
		return string(v.Text[:1])
	}
	return string(v.Text)
}
