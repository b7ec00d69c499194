package oidc

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"deputy/identity"
	"deputy/internal/strictjson"
)

// claims are the members of one JSON object under exactly the names they were written with: see strictjson.Object.
type claims map[string]json.RawMessage

var errShape = errors.New("a claim has the wrong type")

func decodeClaims(data []byte) (claims, error) { return strictjson.Object(data) }

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

// id is a string that can stand for somebody, "" when there is none. What is empty, long, or looks like something else
// when it is printed (line breaks, terminal codes, characters that were not one) stands for nobody.
func (c claims) id(name string) (string, error) {
	s, err := c.text(name)
	if err != nil || !c.has(name) {
		return "", err
	}
	if s == "" || len(s) > identity.MaxID ||
		strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return "", errShape
	}
	return s, nil
}

// list is a string or an array of strings.
func (c claims) list(name string) ([]string, error) { return c.each(name, textOf) }

// words are those of a string, in which spaces divide them, or the strings of an array, as scopes are written (RFC
// 8693, Okta).
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

// values is a string, a number, a boolean or an array of them, each as it is written in JSON, at a path: see at. Null
// and the empty string are no value, and odd reports that there was one of those.
func (c claims) values(path string) (all []string, odd bool, err error) {
	raw, ok := c.at(path)
	if !ok {
		return nil, false, nil
	}
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		items = nil
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, false, errShape
		}
	}
	for _, item := range items {
		text := string(item)
		switch item[0] {
		case '"':
			if text, err = textOf(item); err != nil {
				return nil, false, err
			}
		case '{', '[':
			return nil, false, errShape
		case 'n':
			text = ""
		}
		if text == "" {
			odd = true
			continue
		}
		all = append(all, text)
	}
	return all, odd, nil
}

// at is the claim of a name, or the one at a path of names with dots between them: realm_access.roles. A claim whose
// own name has the dots comes first, as names that are URLs have some.
func (c claims) at(path string) (raw json.RawMessage, ok bool) {
	if raw, ok = c[path]; ok {
		return raw, true
	}
	for i, r := range path {
		if r != '.' {
			continue
		}
		if inner, err := c.object(path[:i]); err == nil && inner != nil {
			if raw, ok = inner.at(path[i+1:]); ok {
				return raw, true
			}
		}
	}
	return nil, false
}

// points reports whether a claim names the one at a path, or one that the path leads through.
func (c claims) points(path string) bool {
	if c.has(path) {
		return true
	}
	for i, r := range path {
		if r == '.' && c.has(path[:i]) {
			return true
		}
	}
	return false
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
