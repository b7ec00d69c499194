package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"deputy/tools"
)

// judgeRequest sends what a host sends.
func judgeRequest(w *world, l line) string {
	got, err := w.send(*l.Request, w.token(l, "anna"))
	if err != nil {
		return err.Error()
	}
	failed := strings.Contains(got.Body, `"isError":true`) || strings.Contains(got.Body, `"error":`)
	switch {
	case l.Right == "as observed":
		var want answer
		if err := json.Unmarshal(l.Deputy, &want); err != nil {
			return err.Error()
		}
		kept := len(want.Body)
		return wrongUnless(slices.Equal(want.shape(kept), got.shape(kept)), "observed was %v, now %v", want, got)
	case strings.HasPrefix(l.Right, "as if left out"), l.Right == "as {}":
		without := *l.Request
		written := withoutEmpty(*without.Body)
		without.Body = &written
		other, err := w.send(without, w.token(l, "anna"))
		if err != nil {
			return err.Error()
		}
		same := slices.Equal(got.shape(len(got.Body)), other.shape(len(other.Body)))
		return wrongUnless(same && got.Status == 200, "the answer is %v, and without the argument %v", got, other)
	case strings.HasPrefix(l.Right, "taken, or a hint"):
		return wrongUnless(
			got.Status == 200 && !strings.Contains(got.Body, "invalid_argument"),
			"the answer is %v",
			got,
		)
	case strings.HasPrefix(l.Right, "refusal is fine"):
		return wrongUnless(failed && !strings.Contains(got.Body, "correct the statement"), "the answer is %v", got)
	case l.Kind == "trailing-slash" && got.Status == 401:
		return ""
	}
	return wrongUnless(got.Status == 200 && !failed, "the answer is %v", got)
}

// withoutEmpty is a call of a tool without the arguments that are null, 0 or an empty list.
func withoutEmpty(body string) string {
	var call map[string]any
	if json.Unmarshal([]byte(body), &call) != nil {
		return body
	}
	params, _ := call["params"].(map[string]any)
	arguments, _ := params["arguments"].(map[string]any)
	if arguments == nil {
		arguments = map[string]any{}
	}
	for name, value := range arguments {
		if list, ok := value.([]any); value == nil || value == 0.0 || ok && len(list) == 0 {
			delete(arguments, name)
		}
	}
	params["arguments"] = arguments
	written, err := json.Marshal(call)
	if err != nil {
		return body
	}
	return string(written)
}

// What of an answer must not change: its status, the challenges and the codes, and not the words.
var code = regexp.MustCompile(
	`"(?:error|code|isError|protocolVersion|method|id|resource_name|bearer_methods_supported)": ?` +
		`("[^"]*"|-?\d+|true|\[[^\]]*\])`,
)

// shape are the parts of an answer that hosts go by, as far as the body was kept.
func (a answer) shape(kept int) []string {
	out := []string{fmt.Sprint(a.Status)}
	for _, challenge := range a.WWWAuthenticate {
		scheme, rest, _ := strings.Cut(challenge, " ")
		out = append(out, scheme, regexp.MustCompile(`error="[^"]*"`).FindString(rest))
	}
	if len(a.Body) > kept {
		a.Body = a.Body[:kept]
	}
	return append(out, code.FindAllString(a.Body, -1)...)
}

// judgeTool calls describe_table or request_access.
func judgeTool(t *testing.T, w *world, l line) string {
	t.Helper()
	subject := "anna"
	if l.Tool == "request_access" {
		subject = l.ID // so that none is about what another has asked for
	}
	s := w.ask(l, subject)
	if s.err != nil {
		return s.err.Error()
	}
	var want string
	json.Unmarshal(l.Deputy, &want)
	switch {
	case l.Tool == "request_access":
		asked, err := s.client.RequestAccess(t.Context(), l.Arguments)
		var refusal *tools.Refusal
		if l.Kind == "two-tables-one-name" && errors.As(err, &refusal) {
			return wrongUnless(strings.Contains(refusal.Message, "two"), "%v", err)
		}
		return wrongUnless(
			err == nil && asked.Status == "pending" && l.Kind != "two-tables-one-name",
			"%v %+v",
			err,
			asked,
		)
	case strings.HasPrefix(l.Right, "not there"):
		_, err := s.client.Describe(t.Context(), l.Arguments)
		var refusal *tools.Refusal
		return wrongUnless(errors.As(err, &refusal) && string(refusal.Code) == want, "%v", err)
	}
	described, err := s.client.Describe(t.Context(), l.Arguments)
	if err != nil {
		return err.Error()
	}
	platform, _ := l.Arguments["platform"].(string)
	rows, err := psql(w.bases[platform].name, "", fmt.Sprintf(`SELECT quote_ident(attname) FROM pg_attribute
		WHERE attrelid = $$%s$$::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, l.Describes))
	if err != nil {
		return err.Error()
	}
	var columns [][]string
	for _, c := range described.Columns {
		columns = append(columns, []string{c.Name})
	}
	return wrongUnless(slices.EqualFunc(rows, columns, slices.Equal), "it has %v, described are %v", rows, columns)
}
