package mcp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"deputy/identity"
	"deputy/internal/strictjson"
	"deputy/tools"
)

// Form is a small question to the human in front of the client.
type Form struct {
	Message string // what they are asked, in a sentence or two: the only words that are sure to be shown
	Fields  []Field
}

// Field is one text that the human fills in, or one of several that they choose.
type Field struct {
	Name        string // of the value in the Answer
	Title       string
	Description string
	Default     string
	Choices     []string // nil: any text
	MaxLength   int      // in characters; 0: 1000
	Required    bool
}

// Action is what the human did with a form.
type Action string

const (
	// Accepted says that they sent the form off.
	Accepted Action = "accept"
	// Declined says that they refused to.
	Declined Action = "decline"
	// Dismissed says that they decided nothing, or that what they decided cannot be told.
	Dismissed Action = "cancel"
	// Unsupported says that the client cannot show forms, or cannot be asked in the way that it speaks.
	Unsupported Action = "unsupported"
)

// Answer is what the human said. Values are there when they accepted, and hold fields of the form only.
type Answer struct {
	Action Action
	Values map[string]string
}

// QuestionLife is how long a human may take.
const QuestionLife = 10 * time.Minute

// asked is the name of our one question among those of an answer.
const asked = "form"

// ask shows the form to the human of a client that declared elicitation, and returns what they said. When the result is
// not nil, it is the question, and the tool has to return it: the client asks its human and makes the same call again,
// with the answer. A tool asks at most once, before it does anything.
//
// An answer is taken from two places only, both of the protocol and neither within a model's reach: a response on the
// client's own pipe to a request of ours (up to 2025-11-25), and the inputResponses beside the arguments of a repeated
// call (2026-07-28), whose requestState proves that this server asked just this form about just these arguments of this
// tool for this agent and this human, and not long ago. A model writes arguments; nothing in them is ever taken for an
// answer. The client itself is trusted to show its human what we ask: who controls it can say anything in their name,
// as they can with the human's token. So an answer confirms what its human may decide for themself, and never stands in
// for a steward's approval.
//
// Over HTTP a client of an older revision cannot be asked: that needs a session, in which others could answer.
//
// Nothing is kept: an answer that is sent twice is taken twice, so what follows from it has to be the same when it is
// done again. Any replica that has the same StateKey takes it. An answer that is to another question, or too late,
// counts for nothing: the human is asked anew.
//
// The protocol's context is the one that the handler was called in; waiting ends with either.
func (h *handlers) ask(
	protocol, ctx context.Context,
	call tools.Call,
	request mcp.CallToolRequest,
	form Form,
) (Answer, *mcp.CallToolResult) {
	if info := server.RequestProtocolInfoFromContext(protocol); info != nil && info.Modern {
		if !elicits(info.ClientCapabilities) {
			return Answer{Action: Unsupported}, nil
		}
		question := h.question(call, request, form)
		if given, ok := request.Params.InputResponses[asked]; ok && h.seal.holds(request.Params.RequestState, question) {
			raw, err := json.Marshal(given)
			if err != nil {
				return Answer{Action: Dismissed}, nil
			}
			return readAnswer(raw, form), nil
		}
		return Answer{}, server.NewInputRequestBuilder(h.seal.make(question)).Elicit(asked, form.params()).ToolResult()
	}
	put := callOf(protocol).Ask
	if put == nil {
		return Answer{Action: Unsupported}, nil
	}
	raw, err := put(ctx, form.params())
	switch {
	case errors.Is(err, ErrNotAsked):
		return Answer{Action: Unsupported}, nil
	case err != nil:
		return Answer{Action: Dismissed}, nil
	}
	return readAnswer(raw, form), nil
}

// ErrNotAsked is Call.Ask's error when the client says that it does not know the request.
var ErrNotAsked = errors.New("the client cannot ask")

// Elicits reads of an initialize whether the client shows forms when a transport asks it to, as in the revisions before
// 2026-07-28. It is not ok when the message is none: then it says nothing of that.
func (m Message) Elicits() (yes, ok bool) {
	if m.Method != string(mcp.MethodInitialize) {
		return false, false
	}
	version, _ := find(m.params, "protocolVersion")
	declared, _ := find(m.params, "capabilities")
	var revision string
	var capabilities mcp.ClientCapabilities
	knows := json.Unmarshal(version, &revision) == nil &&
		slices.Contains([]string{mcp.ProtocolVersion20250618, mcp.ProtocolVersion20251125}, revision)
	return knows && json.Unmarshal(declared, &capabilities) == nil && elicits(&capabilities), true
}

// elicits is true for clients that show forms: an elicitation that says nothing of how means forms.
func elicits(c *mcp.ClientCapabilities) bool {
	return c != nil && c.Elicitation != nil && (c.Elicitation.Form != nil || c.Elicitation.URL == nil)
}

// question is everything that an answer is to, in one digest. Arguments that mean the same are the same, however they
// are written.
func (h *handlers) question(call tools.Call, request mcp.CallToolRequest, form Form) []byte {
	var user identity.User
	if call.Principal.User != nil {
		user = *call.Principal.User
	}
	parts := [][]byte{
		[]byte(call.Principal.Agent.ID),
		[]byte(call.Principal.Mode()),
		[]byte(user.Issuer),
		[]byte(user.Subject),
		[]byte(request.Params.Name),
		canonical(request.Params.RawArguments),
		canonical(mustJSON(form)),
	}
	digest := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256(part)
		digest.Write(sum[:])
	}
	return digest.Sum(nil)
}

// canonical writes JSON with its keys in order and its numbers as they stand. What cannot be read is its own canonical
// form.
func canonical(raw []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return raw
	}
	return mustJSON(value)
}

func mustJSON(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic("mcp: " + err.Error()) // texts, numbers and lists only
	}
	return encoded
}

// params is the form in the protocol's words.
func (f Form) params() mcp.ElicitationParams {
	properties, required := schema{}, []string{}
	for _, field := range f.Fields {
		property := schema{"type": "string"}
		for name, text := range map[string]string{
			"title": field.Title, "description": field.Description, "default": field.Default,
		} {
			if text != "" {
				property[name] = text
			}
		}
		if field.Choices != nil {
			property["enum"] = field.Choices
		} else {
			property["maxLength"] = field.longest()
		}
		properties[field.Name] = property
		if field.Required {
			required = append(required, field.Name)
		}
	}
	return mcp.ElicitationParams{
		Message:         f.Message,
		RequestedSchema: schema{"type": "object", "properties": properties, "required": required},
	}
}

func (f Field) longest() int { return cmp.Or(f.MaxLength, 1000) }

// readAnswer reads strictly, as arguments are read: what no human can have meant is no consent.
func readAnswer(raw json.RawMessage, form Form) Answer {
	members, err := strictjson.Members(raw)
	if err != nil {
		return Answer{Action: Dismissed}
	}
	var action Action
	said, _ := find(members, "action")
	if said == nil || json.Unmarshal(said, &action) != nil || action != Accepted && action != Declined {
		return Answer{Action: Dismissed}
	}
	if action == Declined {
		return Answer{Action: Declined}
	}
	content, ok := find(members, "content")
	if !ok || bytes.Equal(content, null) {
		content = json.RawMessage("{}")
	}
	values, ok := readValues(content, form)
	if !ok {
		return Answer{Action: Dismissed}
	}
	return Answer{Accepted, values}
}

func readValues(raw json.RawMessage, form Form) (map[string]string, bool) {
	given, err := strictjson.Below(raw)
	if err != nil || !utf8.Valid(raw) {
		return nil, false
	}
	values := map[string]string{}
	for _, m := range given {
		i := slices.IndexFunc(form.Fields, func(f Field) bool { return f.Name == m.Name })
		var value string
		if i < 0 || !readValue(m.Value, &value) || !form.Fields[i].takes(value) {
			return nil, false
		}
		values[m.Name] = value
	}
	for _, f := range form.Fields {
		if f.Required && values[f.Name] == "" {
			return nil, false
		}
	}
	return values, true
}

func (f Field) takes(value string) bool {
	if f.Choices != nil {
		return slices.Contains(f.Choices, value) || value == "" && !f.Required
	}
	return utf8.RuneCountInString(value) <= f.longest()
}
