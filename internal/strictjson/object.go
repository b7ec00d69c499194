// Package strictjson reads JSON that can be read in one way only.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may be nested.
const maxDepth = 16

// The errors are fixed, so that nothing of what was read can be in them.
var (
	ErrNotObject = errors.New("not one JSON object")
	ErrDuplicate = errors.New("a member is there twice")
)

// Object returns the members of one JSON object under exactly the names that they are written with. Decoding into a
// struct would take "Sub" for "sub" and the last of two members for both (CVE-2026-27896). It refuses what two
// readers could read differently: duplicate members, at any depth, and text that is not UTF-8.
func Object(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, ErrNotObject
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := walk(d, 0); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil { // also when more follows the first value
		return nil, ErrNotObject
	}
	return members, nil
}

// walk reads one value and whatever is in it.
func walk(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return ErrNotObject
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return ErrNotObject
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return ErrNotObject
			}
			if seen[name] {
				return ErrDuplicate
			}
			seen[name] = true
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return ErrNotObject
	}
	return nil
}
