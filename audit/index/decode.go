package index

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"deputy/audit"
)

// fields are those of a record that are in the index. What many records share stays as it is written, and is read once.
type fields struct {
	V             int             `json:"v"`
	ID            string          `json:"id"`
	Phase         audit.Phase     `json:"phase"`
	Time          time.Time       `json:"time"`
	Tool          string          `json:"tool"`
	Agent         json.RawMessage `json:"agent"`
	User          json.RawMessage `json:"user"`
	Purpose       string          `json:"purpose"`
	PolicyVersion string          `json:"policy_version"`
	Tables        json.RawMessage `json:"tables"`
	Rows          int64           `json:"rows"`
	Outcome       audit.Outcome   `json:"outcome"`
	Request       requestOf       `json:"request"`
}

// requestOf is what the index has of an access request.
type requestOf struct {
	ID string `json:"id"`
}

// decode reads the fields of a line. One that is written as the log writes them is taken apart and not parsed, which is
// five times as quick; any other goes the long way. What a newer Deputy wrote is not read.
func decode(line []byte) (f fields, ok bool) {
	if f.take(line) && f.ID != "" {
		return f, f.V <= audit.Version
	}
	f = fields{}
	err := json.Unmarshal(line, &f)
	return f, err == nil && f.ID != "" && f.V <= audit.Version
}

func (f *fields) take(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("{"))
	for ok && len(rest) > 0 {
		var key, value []byte
		if key, rest, ok = next(rest); !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		if value, rest, ok = next(rest[1:]); !ok || !f.set(key, value) || len(rest) == 0 {
			return false
		}
		switch {
		case rest[0] == '}':
			return len(rest) == 1
		case rest[0] != ',':
			return false
		}
		rest = rest[1:]
	}
	return false
}

// next takes one value off, which has no white space around it.
func next(text []byte) (value, rest []byte, ok bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if i >= len(text) {
				return nil, nil, false
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return nil, nil, false
			}
		default:
			if depth == 0 { // a number, true, false, null
				end := bytes.IndexAny(text[i:], ",}")
				if end <= 0 {
					return nil, nil, false
				}
				return text[:i+end], text[i+end:], i == 0
			}
			continue
		}
		if depth == 0 {
			return text[:i+1], text[i+1:], true
		}
	}
	return nil, nil, false
}

func (f *fields) set(key, value []byte) bool {
	var into any
	switch string(key) {
	case `"id"`:
		return plain(&f.ID, value)
	case `"phase"`:
		return plain(&f.Phase, value)
	case `"tool"`:
		return plain(&f.Tool, value)
	case `"purpose"`:
		return plain(&f.Purpose, value)
	case `"policy_version"`:
		return plain(&f.PolicyVersion, value)
	case `"outcome"`:
		return plain(&f.Outcome, value)
	case `"agent"`:
		f.Agent = value
	case `"user"`:
		f.User = value
	case `"tables"`:
		f.Tables = value
	case `"time"`:
		return f.Time.UnmarshalJSON(value) == nil
	case `"v"`:
		var err error
		f.V, err = strconv.Atoi(string(value))
		return err == nil
	case `"rows"`:
		into = &f.Rows
	case `"request"`:
		into = &f.Request
	default: // encoding/json takes ID for id: whatever writes such a thing, it is not the log
		return !bytes.ContainsFunc(bytes.Trim(key, `"`), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	}
	return into == nil || json.Unmarshal(value, into) == nil
}

// plain takes a string that needs no parser.
func plain[T ~string](into *T, value []byte) bool {
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 || !utf8.Valid(value) {
		return json.Unmarshal(value, into) == nil
	}
	*into = T(value[1 : len(value)-1])
	return true
}
