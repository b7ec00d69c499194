package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"deputy/internal/mistake"
	"deputy/internal/strictjson"
)

// Hosts do not send arguments quite as the schema has them: what was left out comes as null, a whole number as 10.0 or
// "10", a list as a text that holds one, and some hosts add arguments of their own. All of that is taken here, as long
// as it can mean one thing only. What could mean another thing is refused.

// hostArguments are the names that hosts are known to add to any call. No tool has an argument with a name like one of
// them, which a test holds.
var hostArguments = []string{
	"_meta", "action", "chatInput", "chat_input", "conversationId", "conversation_id", "dummy", "explanation",
	"metadata", "random_string", "security_risk", "sessionId", "session_id", "task_progress", "threadId", "thread_id",
	"toolCallId", "tool_call_id", "toolName", "tool_name", "wait_for_previous",
}

// argumentNames are the names of all arguments of all tools.
var argumentNames = []string{
	"answers",
	"cancel",
	"columns",
	"duration",
	"max_rows",
	"name",
	"parameters",
	"page",
	"platform",
	"purpose",
	"reason",
	"request_id",
	"search",
	"sql",
	"table",
}

// CheckIgnored says what is wrong with names that are to be ignored among the arguments of a call. A name within two
// letters of an argument's cannot be: a mistyped argument would be left out, and the call would mean something else.
func CheckIgnored(names []string) error {
	for _, name := range names {
		if near := nearest(name, argumentNames); near != "" {
			return fmt.Errorf("%q cannot be ignored: it could be a mistyped %s, which is an argument", name, near)
		}
	}
	return nil
}

// nearest is the known name that the name is, but for its letters' case, or is within two letters of.
func nearest(name string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return mistake.Nearest(name, known)
}

// reading is how the arguments of one call are read.
type reading struct {
	// purposes says that the tools take a purpose.
	purposes bool
	// queries says that the tools have named queries.
	queries bool
	// ignore are the names that are ignored beside hostArguments.
	ignore []string
	// ignored is told each name that was ignored; nil: it is not told.
	ignored func(name string)
}

// arguments sets the fields, as ReadArguments does, from arguments as hosts send them. Of an argument that came as null
// it says that it has no value.
func (r reading) arguments(raw json.RawMessage, fields map[string]any) (map[string]bool, error) {
	if bytes.Equal(raw, null) {
		return map[string]bool{}, nil
	}
	return readArguments(raw, fields, func(a strictjson.Member) (json.RawMessage, error) {
		if field, known := fields[a.Name]; known {
			return plain(a.Value, field), nil
		}
		if !slices.Contains(hostArguments, a.Name) && !slices.Contains(r.ignore, a.Name) {
			return nil, unknownArgument(a.Name, fields)
		}
		if r.ignored != nil {
			r.ignored(a.Name)
		}
		return nil, nil
	})
}

// unknownArgument names the argument that was probably meant, or those that there are.
func unknownArgument(name string, fields map[string]any) error {
	names := argumentsOf(fields)
	if near := nearest(name, names); near != "" {
		return fmt.Errorf("there is no argument %q: did you mean %s?", Clip(name), near)
	}
	return fmt.Errorf("there is no argument %q, only %s", Clip(name), strings.Join(names, ", "))
}

// noValue is what plain makes of a null.
var noValue = json.RawMessage{}

// plain is the value in the form that the schema asks for, where it is another form of the same; else as it came.
func plain(value json.RawMessage, field any) json.RawMessage {
	if bytes.Equal(value, null) {
		return noValue
	}
	var text string
	quoted := json.Unmarshal(value, &text) == nil
	switch field.(type) {
	case *int:
		return wholeNumber(value, text, quoted)
	case *bool:
		if quoted && (strings.EqualFold(text, "true") || strings.EqualFold(text, "false")) {
			return json.RawMessage(strings.ToLower(text))
		}
	case *[]string, *map[string]string, *object:
		if inside := json.RawMessage(
			strings.TrimSpace(text),
		); quoted && json.Valid(inside) &&
			!bytes.Equal(inside, null) {
			return inside
		}
	}
	return value
}

var wholeText = regexp.MustCompile(`^-?[0-9]{1,15}(\.0{1,15})?$`)

// wholeNumber is the whole number that a number or a text is, if it is one that every reader has exactly.
func wholeNumber(value json.RawMessage, text string, quoted bool) json.RawMessage {
	if quoted && !wholeText.MatchString(text) {
		return value
	}
	if !quoted {
		text = string(value)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return value
	}
	return strconv.AppendInt(nil, int64(f), 10)
}

// errText is for arguments that came as a text which holds them.
var errText = errors.New("the arguments must be one JSON object, and not a text that holds one")
