package mcp

import (
	"bytes"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/internal/strictjson"
)

// mcp-go keeps an id as a text or as a float64 and writes it anew, so that 1.0 would come back as 1 and a number above
// 2^53 as another one. A client that compares what it wrote would wait for ever. Such an id has a stand-in while mcp-go
// has the message, and the answer has the id as it came.

// maxID is the length of the longest id that is taken, in bytes.
const maxID = 200

// validID reports whether JSON is a text or a number, and short enough.
func validID(raw json.RawMessage) bool {
	return len(raw) <= maxID && (raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// standIn is the id that mcp-go has in place of one that it would not write as it came; nil: it does.
func standIn(id json.RawMessage) json.RawMessage {
	var read mcp.RequestId
	if json.Unmarshal(id, &read) == nil {
		if written, err := json.Marshal(read); err == nil && bytes.Equal(written, id) {
			return nil
		}
	}
	quoted, err := json.Marshal("stands for " + string(id)) // calls that run side by side have ids of their own
	if err != nil {
		return nil
	}
	return quoted
}

// withID is a message of these members with another id.
func withID(members []strictjson.Member, id json.RawMessage) []byte {
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		name, value := m.Name, m.Value
		if name == "id" {
			value = id
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil // a string always can be
		}
		out = append(append(append(out, quoted...), ':'), value...)
	}
	return append(out, '}')
}

// ownID gives an encoded answer the id of its request. It stands before everything that a tool writes.
func (m Message) ownID(answer []byte) []byte {
	if m.standIn == nil {
		return answer
	}
	return bytes.Replace(answer, append([]byte(`"id":`), m.standIn...), append([]byte(`"id":`), m.ID...), 1)
}
