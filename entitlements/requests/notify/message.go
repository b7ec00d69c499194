package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// Message is what a receiver is told, and what a template has.
type Message struct {
	Type      string    `json:"type"` // request.created, request.decided, …
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
	Text      string    `json:"-"` // the same in one sentence
}

// Data is the request that the message is about, as it is shown, with who asked and who decided by their names. Note is
// in the words of who decided.
type Data struct {
	requests.Shown
	User      string `json:"user,omitempty"` // For whom it is asked, by their id.
	Name      string `json:"user_name,omitempty"`
	DecidedBy string `json:"decided_by,omitempty"` // A person's id, or the rule that decided.
	Note      string `json:"note,omitempty"`
	Link      string `json:"link,omitempty"`
}

func messageOf(e store.Event, publicURL string) Message {
	q := e.Request
	d := Data{Shown: q.Shown()}
	if publicURL != "" {
		d.Link = publicURL + "/api/requests/" + q.ID
	}
	if q.User != nil {
		d.User, d.Name = q.User.ID, q.User.Name
	}
	if n := len(q.Decisions); n > 0 {
		last := q.Decisions[n-1]
		d.DecidedBy, d.Note = last.Rule, last.Note
		if last.By != nil {
			d.DecidedBy = last.By.ID
		}
	}
	return Message{Type: "request." + string(e.Kind), Timestamp: e.Time.UTC(), Data: d, Text: sentence(e.Kind, d)}
}

// sentence says first what Deputy knows, and last, in quotes, what somebody wrote: a reason that pretends to be a
// decision stands where a reason stands.
func sentence(kind store.Kind, d Data) string {
	what := d.Table
	if len(d.Columns) > 0 {
		what = strings.Join(d.Columns, ", ") + " of " + d.Table + " in the clear"
	}
	who := "agent " + d.Agent
	if d.User != "" {
		who = d.User + " (through " + d.Agent + ")"
	}
	switch kind {
	case store.Created:
		return fmt.Sprintf(
			"%s asks for %s for %s. Request %s is %s. The reason given: %q",
			who,
			what,
			d.Duration,
			d.ID,
			d.Status,
			d.Reason,
		)
	case store.Expiring, store.Expired:
		return fmt.Sprintf("What %s was given, %s, is %s. Request %s.", who, what, kind, d.ID)
	}
	text := fmt.Sprintf("The request of %s for %s is %s", who, what, d.Status)
	if d.DecidedBy != "" {
		text += ", by " + d.DecidedBy
	}
	text += ". Request " + d.ID + "."
	if d.Note != "" {
		text += fmt.Sprintf(" The note: %q", d.Note)
	}
	return text
}

// CheckBody says whether a body, as Receiver has it, can be sent.
func CheckBody(body string) error {
	_, err := newRenderer(body)
	return err
}

// renderer writes a message as the JSON that its receiver wants.
type renderer func(Message) ([]byte, error)

var errTemplate = errors.New(
	"the template of the body does not make JSON: give each value to the function json, as in {\"text\": {{json .Text}}}",
)

func newRenderer(body string) (renderer, error) {
	switch body {
	case "", "json":
		return func(m Message) ([]byte, error) { return json.Marshal(m) }, nil
	case "slack":
		return func(m Message) ([]byte, error) {
			return json.Marshal(map[string]string{"text": slackText.Replace(m.Text)})
		}, nil
	}
	parsed, err := template.New("body").Funcs(template.FuncMap{"json": asJSON}).Option("missingkey=error").Parse(body)
	if err != nil {
		return nil, errTemplate
	}
	render := func(m Message) ([]byte, error) {
		var out bytes.Buffer
		if err := parsed.Execute(&out, m); err != nil || !json.Valid(out.Bytes()) {
			return nil, errTemplate
		}
		return out.Bytes(), nil
	}
	_, err = render(
		Message{
			Text: `a "quoted" word`,
			Data: Data{
				Shown: requests.Shown{Reason: `a "quoted" word`}, Name: `a "quoted" word`, Note: `a "quoted" word`,
			},
		},
	)
	return render, err
}

// slackText takes the meaning from what Slack would take for a mention or a link.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func asJSON(v any) (string, error) {
	encoded, err := json.Marshal(v)
	return string(encoded), err
}
