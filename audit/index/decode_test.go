package index

import (
	"encoding/json"
	"reflect"
	"testing"
)

// The quick way reads what the long way reads, of every line that it takes.
func FuzzDecode(f *testing.F) {
	for _, line := range []string{
		`{"id":"a","phase":"intent","time":"2026-11-23T10:00:00.5Z","tool":"query","agent":{"id":"x","groups":["]}\""]},"user":null,"tables":[{"name":"s.t","columns":["a"]}],"rows":5,"outcome":"answered","request":{"id":"req_1","status":"pending"}}`,
		`{"id":"\u202e\"}","rows":0,"truncated":true,"purpose":"b\\"}`,
		`{"id":"a"}{"id":"b"}`, `{"id":"a",}`, `{"id":"a"`, `{"id":}`, `{"id":1}`, `{ "id" : "a" }`, `{"id":"a","rows":1e3}`, `{"id":"a","rows":12"x"}`, `{"id":"a","sql":tru}`, `{"id":"a","agent":[}]}`, `[]`, ``,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if !json.Valid(line) { // the log signs none
			decode(line)
			return
		}
		var quick, long fields
		if !quick.take(line) || json.Unmarshal(line, &long) != nil {
			return
		}
		quick.Tables, quick.User, quick.Agent = norm(quick.Tables), norm(quick.User), norm(quick.Agent)
		long.Tables, long.User, long.Agent = norm(long.Tables), norm(long.User), norm(long.Agent)
		if len(quick.ID) > 0 && !reflect.DeepEqual(quick, long) {
			t.Errorf("%s is\n%+v\nin a hurry, and is\n%+v", line, quick, long)
		}
	})
}

func norm(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	return text
}
