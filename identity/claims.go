package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// claims are the members of one JSON object under exactly the names they were written with. Decoding into a struct would take
// "Sub" for "sub" and the last of two members for both (CVE-2026-27896).
type claims map[string]json.RawMessage

const (
	maxDepth = 16  // of nested objects and arrays
	maxID    = 256 // bytes of an identifier; OpenID Connect allows a sub 255
)

var (
	errNotObject = errors.New("not one JSON object")
	errDuplicate = errors.New("a member is there twice")
	errShape     = errors.New("a claim has the wrong type")
)

// decodeClaims refuses what two readers could read differently: duplicate members, at any depth, and text that is not UTF-8.
// Its errors are fixed, so that nothing of a token can be in them.
func decodeClaims(data []byte) (claims, error) {
	if !utf8.Valid(data) {
		return nil, errNotObject
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := walk(d, 0); err != nil {
		return nil, err
	}
	var c claims
	if err := json.Unmarshal(data, &c); err != nil || c == nil { // also when more follows the first value
		return nil, errNotObject
	}
	return c, nil
}

// walk reads one value and whatever is in it.
func walk(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return errNotObject
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return errNotObject
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return errNotObject
			}
			if seen[name] {
				return errDuplicate
			}
			seen[name] = true
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errNotObject
	}
	return nil
}

func (c claims) has(name string) bool {
	_, ok := c[name]
	return ok
}

// text is a string, "" when there is none.
func (c claims) text(name string) (string, error) {
	raw, ok := c[name]
	if !ok {
		return "", nil
	}
	return textOf(raw)
}

// id is a string that can stand for somebody, "" when there is none. What is empty, long, or looks like something else when it is
// printed (line breaks, terminal codes, characters that were not one) stands for nobody.
func (c claims) id(name string) (string, error) {
	s, err := c.text(name)
	if err != nil || !c.has(name) {
		return "", err
	}
	if s == "" || len(s) > maxID || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return "", errShape
	}
	return s, nil
}

// list is a string or an array of strings.
func (c claims) list(name string) ([]string, error) { return c.each(name, textOf) }

// words are those of a string, in which spaces divide them, or the strings of an array, as scopes are written (RFC 8693, Okta).
func (c claims) words(name string) ([]string, error) {
	raw, ok := c[name]
	if !ok {
		return nil, nil
	}
	if raw[0] == '[' {
		return c.list(name)
	}
	s, err := textOf(raw)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Split(s, " "), func(word string) bool { return word == "" }), nil
}

// values is a string, a number, a boolean or an array of them, each as it is written in JSON.
func (c claims) values(name string) ([]string, error) {
	return c.each(name, func(raw json.RawMessage) (string, error) {
		switch raw[0] {
		case '"':
			return textOf(raw)
		case '{', '[', 'n':
			return "", errShape
		}
		return string(raw), nil
	})
}

func (c claims) each(name string, read func(json.RawMessage) (string, error)) ([]string, error) {
	raw, ok := c[name]
	if !ok {
		return nil, nil
	}
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		items = nil
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, errShape
		}
	}
	var all []string
	for _, item := range items {
		s, err := read(item)
		if err != nil || s == "" {
			return nil, errShape
		}
		all = append(all, s)
	}
	return all, nil
}

// date is a NumericDate (RFC 7519); ok is false when there is none.
func (c claims) date(name string) (t time.Time, ok bool, err error) {
	raw, ok := c[name]
	if !ok {
		return t, false, nil
	}
	const year9999 = 253402300799
	var seconds float64
	if raw[0] == 'n' || json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds > year9999 {
		return t, false, errShape
	}
	return time.Unix(int64(seconds), 0), true, nil
}

// object is an object, nil when there is none.
func (c claims) object(name string) (claims, error) {
	raw, ok := c[name]
	if !ok {
		return nil, nil
	}
	return decodeClaims(raw)
}

func textOf(raw json.RawMessage) (s string, err error) {
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", errShape
	}
	return s, nil
}
