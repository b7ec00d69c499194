package strictjson

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// scanner takes JSON apart that encoding/json has found valid. Of anything else it makes an error or something that is
// wrong, and never reads past the end.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// take passes over one byte if it is the next.
func (s *scanner) take(b byte) bool {
	if s.at == len(s.data) || s.data[s.at] != b {
		return false
	}
	s.at++
	return true
}

// members gives each member of the object that has just been opened, to its end.
func (s *scanner) members(each func(name string, value []byte) error) error {
	if s.space(); s.take('}') {
		return nil
	}
	for {
		s.space()
		name, ok := s.name()
		if !ok {
			return ErrNotObject
		}
		if s.space(); !s.take(':') {
			return ErrNotObject
		}
		s.space()
		value := s.value()
		if len(value) == 0 {
			return ErrNotObject
		}
		if err := each(name, value); err != nil {
			return err
		}
		if s.space(); s.take('}') {
			return nil
		}
		if !s.take(',') {
			return ErrNotObject
		}
	}
}

// elements gives each element of the list that has just been opened, to its end.
func (s *scanner) elements(each func(value []byte) error) error {
	if s.space(); s.take(']') {
		return nil
	}
	for {
		s.space()
		value := s.value()
		if len(value) == 0 {
			return ErrNotObject
		}
		if err := each(value); err != nil {
			return err
		}
		if s.space(); s.take(']') {
			return nil
		}
		if !s.take(',') {
			return ErrNotObject
		}
	}
}

// name reads a text as encoding/json does: what is no UTF-8 in it becomes U+FFFD.
func (s *scanner) name() (name string, ok bool) {
	if s.at == len(s.data) || s.data[s.at] != '"' {
		return "", false
	}
	from := s.at
	s.text()
	written := s.data[from:s.at]
	if plain := written[1:max(1, len(written)-1)]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain), true
	}
	return name, json.Unmarshal(written, &name) == nil
}

// value passes over one value, and returns it.
func (s *scanner) value() []byte {
	from := s.at
	depth := 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			if depth == 0 {
				return s.data[from:s.at:s.at] // the end of what it is in
			}
			depth--
			s.at++
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.data[from:s.at:s.at]
			}
			s.at++
			continue
		default:
			s.at++
			continue
		}
		if depth == 0 {
			break
		}
	}
	return s.data[from:s.at:s.at]
}

// text passes over a text. The next byte is its first quote.
func (s *scanner) text() {
	for s.at++; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return
		}
	}
	s.at = len(s.data)
}
