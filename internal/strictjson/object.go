// Package strictjson reads JSON that can be read in one way only: the one reader of it for messages of callers, claims
// of tokens, and files that must not be misunderstood.
package strictjson

import (
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
	ErrTooMany   = errors.New("it has too many members")
)

// Object returns the members of one JSON object under exactly the names that they are written with. Decoding into a
// struct would take "Sub" for "sub" and the last of two members for both (CVE-2026-27896). It refuses what two
// readers could read differently: duplicate members, at any depth, and text that is not UTF-8.
func Object(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, ErrNotObject
	}
	members := map[string]json.RawMessage{}
	s := scanner{data: data}
	if s.space(); !s.take('{') {
		return nil, ErrNotObject
	}
	err := s.members(func(name string, value []byte) error {
		if _, twice := members[name]; twice {
			return ErrDuplicate
		}
		members[name] = value
		return unambiguous(value, 1)
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// unambiguous looks for duplicate members in a value, at any depth.
func unambiguous(value []byte, depth int) error {
	s := scanner{data: value}
	object := s.take('{')
	if !object && !s.take('[') {
		return nil
	}
	if depth == maxDepth {
		return ErrNotObject
	}
	if !object {
		return s.elements(func(value []byte) error { return unambiguous(value, depth+1) })
	}
	seen := map[string]bool{}
	return s.members(func(name string, value []byte) error {
		if seen[name] {
			return ErrDuplicate
		}
		seen[name] = true
		return unambiguous(value, depth+1)
	})
}
