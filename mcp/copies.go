package mcp

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools/answer"
)

// Copies are the copies that an answer is sent in: structured content, text, or both. Hosts show their model the one,
// the other, or both; who knows which saves the model half of the tokens. Refusals are always sent in both.
type Copies string

// The copies that can be sent.
const (
	BothCopies     Copies = "both"
	OnlyStructured Copies = "structured"
	OnlyText       Copies = "text"
)

func (c Copies) known() bool { return c == BothCopies || c == OnlyStructured || c == OnlyText }

// HeaderAnswers is the HTTP header in which a client says which copies it reads; in _meta it is metaAnswers.
const (
	HeaderAnswers = "Deputy-Answers"
	metaAnswers   = "deputy/answers"
)

// copies are what the client says that it reads, in the request before the header, or else what the server sends.
func (c *Call) copies(otherwise Copies) Copies {
	var said Copies
	if value, ok := find(c.Message.meta, metaAnswers); ok && json.Unmarshal(value, &said) == nil && said.known() {
		return said
	}
	if c.Reads.known() {
		return c.Reads
	}
	return otherwise
}

// elsewhere is the text of an answer whose client reads the structured content alone.
const elsewhere = "The answer is the structured content."

// keep takes the copy that the client does not read out of an answer.
func (c Copies) keep(result *mcp.CallToolResult) {
	switch c {
	case OnlyText:
		result.StructuredContent = nil
	case OnlyStructured:
		result.Content = []mcp.Content{mcp.NewTextContent(elsewhere)}
	}
}

// largeCopy is the size in bytes from which a copy is set aside.
const largeCopy = 16 << 10

// aside is a copy, encoded, and what stands for it in the answer that mcp-go encodes.
type aside struct{ mark, encoded []byte }

// setAside puts marks in place of an answer's large copies. They are encoded already, and mcp-go would check and copy
// all of their bytes three times more. A mark is random, so nothing that a client or a tool wrote is taken for one.
func (c *Call) setAside(result *mcp.CallToolResult) {
	var all []aside
	mark := func(encoded []byte) string {
		mark := "aside " + rand.Text()
		all = append(all, aside{fmt.Appendf(nil, "%q", mark), encoded})
		return mark
	}
	if structured, ok := result.StructuredContent.(json.RawMessage); ok && len(structured) >= largeCopy {
		result.StructuredContent = mark(structured)
	}
	for i, content := range result.Content {
		if text, ok := content.(mcp.TextContent); ok && len(text.Text) >= largeCopy {
			text.Text = mark(answer.AppendJSON(make([]byte, 0, len(text.Text)*5/4), text.Text))
			result.Content[i] = text
		}
	}
	if all != nil {
		c.aside.Store(&all)
	}
}

// whole is an encoded answer in pieces, with its id and with what was set aside back in its place.
func (c *Call) whole(encoded []byte) (pieces [][]byte, size int) {
	pieces = [][]byte{c.Message.ownID(encoded)}
	var all []aside
	if set := c.aside.Load(); set != nil {
		all = *set
	}
	for _, a := range all {
		for i, piece := range pieces {
			if before, after, found := bytes.Cut(piece, a.mark); found {
				pieces = append(append(append([][]byte{}, pieces[:i]...), before, a.encoded, after), pieces[i+1:]...)
				break
			}
		}
	}
	for _, piece := range pieces {
		size += len(piece)
	}
	return pieces, size
}

// answered is an answer of mcp-go's that needs its id or what was set aside.
type answered struct {
	call   *Call
	answer any
}

// Encode is a message for a client, encoded: what Server.Answer gave, or one of ours.
func Encode(message any) ([]byte, error) {
	a, ok := message.(answered)
	if !ok {
		return json.Marshal(message)
	}
	encoded, err := json.Marshal(a.answer)
	if err != nil {
		return nil, err
	}
	pieces, _ := a.call.whole(encoded)
	return bytes.Join(pieces, nil), nil
}
