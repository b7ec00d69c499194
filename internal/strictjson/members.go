package strictjson

import (
	"encoding/json"
	"strings"
)

// maxMembers is how many members an object may have that is read by Members; also what keeps comparing them all cheap.
const maxMembers = 100

// Member is one member of an object: its name, and its value as written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Find is the value of the member with exactly that name.
func Find(members []Member, name string) (json.RawMessage, bool) {
	for _, m := range members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// A DuplicateError names a member that is there twice. Its text does not: the name is the sender's.
type DuplicateError struct {
	Name   string
	Offset int // of its value in the whole text; only Value.Members says it
}

func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }

// Is has errors.Is find ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// Members returns the members of one JSON object whose names differ in more than the case of their letters, in the
// order in which they are written. Values are checked to be JSON, and not looked into: see Below.
func Members(data []byte) ([]Member, error) {
	if !json.Valid(data) {
		return nil, ErrNotObject
	}
	return Below(data)
}

// Below is Members of a value that a reader has found to be JSON already, such as that of a Member: it is not checked
// again.
func Below(value []byte) ([]Member, error) {
	s := scanner{data: value}
	if s.space(); !s.take('{') {
		return nil, ErrNotObject
	}
	var members []Member
	err := s.members(func(name string, value []byte) error {
		if len(members) == maxMembers {
			return ErrTooMany
		}
		for _, m := range members {
			if strings.EqualFold(m.Name, name) {
				return &DuplicateError{Name: name}
			}
		}
		if members == nil {
			members = make([]Member, 0, 8)
		}
		members = append(members, Member{name, value})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.space(); s.at != len(s.data) {
		return nil, ErrNotObject
	}
	return members, nil
}
