package requests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// formatVersion is that of the text that a request is stored as. Another one is not read: a migration would rewrite
// what there is.
const formatVersion = 1

// Why a text is no request.
var (
	errUnread  = errors.New("its text cannot be read")
	errVersion = errors.New("its text is of another version")
	errWritten = errors.New("its text is not as it is written")
)

// fields has the fields of a Request, and none of its methods.
type fields Request

// written is a request as it is stored.
type written struct {
	V int `json:"v"`
	fields
}

// MarshalJSON writes a request down as it is stored. One request has one text.
func (r Request) MarshalJSON() ([]byte, error) {
	r.Created, r.Lapses, r.Began, r.Expires = r.Created.UTC(), r.Lapses.UTC(), r.Began.UTC(), r.Expires.UTC()
	r.Decisions = slices.Clone(r.Decisions)
	for i := range r.Decisions {
		r.Decisions[i].Time = r.Decisions[i].Time.UTC()
	}
	text, err := json.Marshal(written{formatVersion, fields(r)})
	if err != nil {
		return nil, fmt.Errorf("request %.40q cannot be written down", r.ID)
	}
	return text, nil
}

// UnmarshalJSON reads what MarshalJSON wrote and nothing else: what is written again must be the same text, which
// settles unknown keys, keys in another case, keys that come twice, and other versions.
func (r *Request) UnmarshalJSON(text []byte) error {
	var w written
	if json.Unmarshal(text, &w) != nil {
		return errUnread
	}
	if w.V != formatVersion {
		return errVersion
	}
	read := Request(w.fields)
	if again, err := read.MarshalJSON(); err != nil || !bytes.Equal(again, text) {
		return errWritten
	}
	*r = read
	return nil
}
