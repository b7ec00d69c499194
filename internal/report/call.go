package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"deputy/audit"
)

// Standing is where the records of a call stand in the log, and whether that was proven.
type Standing struct {
	Proven  bool   `json:"proven"`
	Text    string `json:"text"`             // in a sentence
	Signed  int64  `json:"signed,omitempty"` // lines that the checkpoint signs
	Root    string `json:"root,omitempty"`
	Records []At   `json:"records"`
}

// At is where one record stands.
type At struct {
	Phase audit.Phase `json:"phase,omitempty"`
	Index int64       `json:"index"` // of its line in the whole log, from 0
	File  string      `json:"file"`
}

// Call writes all that the log knows of one call, for a reader who does not know Deputy.
func Call(w io.Writer, c audit.Call, s Standing) error {
	p := &page{w: w}
	p.line("Call %s", c.ID)
	p.line("")
	p.table(p.who(c))
	p.asked(c)
	if c.Request != nil {
		p.request(*c.Request)
	}
	for _, t := range c.Tables {
		p.read(c, t)
	}
	p.ended(c)
	p.standing(s)
	return p.err
}

func (p *page) who(c audit.Call) [][]string {
	rows := [][]string{}
	person := func(how string) {
		rows = append(
			rows,
			[]string{how, named(*c.User)},
			[]string{"", "vouched for by " + dash(c.User.Issuer)},
			[]string{"", "groups then: " + cell(c.User.Groups)},
		)
	}
	agent := func() {
		rows = append(rows, []string{"agent", named(c.Agent)}, []string{"", "groups then: " + cell(c.Agent.Groups)})
	}
	switch {
	case c.Tool == audit.Expire:
		return [][]string{{"by", "nobody: a time was over"}, {"when", date(c.Time)}, {"policies", versions(c)}}
	case c.Tool == audit.NoteState:
		return [][]string{{"by", "Deputy itself"}, {"when", date(c.Time)}, {"policies", versions(c)}}
	case c.User == nil && c.Agent.ID == "":
		rows = append(rows, []string{"by", "nobody known"})
	case c.User != nil && c.Mode == audit.InPerson:
		person("in person")
	case c.User != nil && c.Agent.ID == "":
		person("a token of")
		rows = append(rows, []string{"agent", "none: the client is no agent"})
	case c.User != nil:
		person("on behalf of")
		agent()
	default:
		rows = append(rows, []string{"on behalf of", "nobody: the agent acted on its own"})
		agent()
	}
	if c.Client != "" {
		rows = append(rows, []string{"from", c.Client})
	}
	rows = append(rows, []string{"when", date(c.Time)})
	if c.Mode == audit.InPerson {
		return append(rows, []string{"policies", versions(c)})
	}
	purpose := "none was declared"
	if c.Purpose != "" {
		purpose = c.Purpose + " (declared by the agent, not verified)"
	}
	return append(rows, []string{"purpose", purpose}, []string{"policies", versions(c)})
}

// versions are those of the policies that decided.
func versions(c audit.Call) string {
	if c.WaitingVersion != "" {
		return fmt.Sprintf(
			"version %s, and %s, which was not in force yet: only what both gave",
			dash(c.PolicyVersion),
			c.WaitingVersion,
		)
	}
	return "version " + dash(c.PolicyVersion)
}

func date(t time.Time) string { return t.UTC().Format("Monday, 2 January 2006, 15:04:05.000 MST") }

func named(i audit.Party) string {
	if i.Name != "" && i.Name != i.ID {
		return fmt.Sprintf("%s (%s)", i.Name, i.ID)
	}
	return i.ID
}

func (p *page) asked(c audit.Call) {
	p.line("")
	what := "Asked with the tool " + c.Tool
	if does := steps[c.Tool]; does != "" {
		what = does
	}
	if c.Platform != "" {
		what += " on the platform " + c.Platform
	}
	p.line("%s", what)
	if c.Table != "" {
		p.line("  table %s", c.Table)
	}
	for line := range strings.Lines(c.SQL) {
		p.line("  | %s", strings.TrimRight(line, "\r\n"))
	}
}

func (p *page) read(c audit.Call, t audit.Table) {
	through := map[string]string{"user": "opened by the person's own access", "agent": "opened by the agent's own access", "both": "opened by the person's access and by the agent's, each alone"}[t.Via]
	switch {
	case through == "" && len(t.Columns) > 0:
		through = "read by an administrator's command"
	case through == "":
		through = "not opened"
	}
	var rows [][]string
	for _, policy := range t.Grants {
		rows = append(rows, []string{"opened by policy", policy})
	}
	verb := "seen"
	switch {
	case c.Tool == "describe_table":
		verb = "described as"
	case !c.Seen():
		verb = "would be seen"
	case c.Ending() != audit.Answered:
		verb = "if rows left, seen"
	}
	partly := map[string]bool{}
	for _, column := range t.InClear() {
		tags := ""
		if len(column.Tags) > 0 {
			tags = " (" + strings.Join(column.Tags, ", ") + ")"
		}
		how := verb + " in the clear"
		if column.Partly {
			how = verb + " in the clear in some rows"
			partly[column.Column] = true
		}
		rows = append(rows, []string{how, column.Column + tags})
	}
	for _, m := range t.Masked {
		how := "masked"
		if partly[m.Column] {
			how = "masked in the others"
		}
		rows = append(rows, []string{how, fmt.Sprintf("%s, with %s, by policy %s", m.Column, m.Mask, m.Policy)})
	}
	if t.Via != "" && len(t.Columns) == 0 {
		rows = append(rows, []string{"columns", "none: the rows were only counted"})
	}
	for _, policy := range t.Filters {
		rows = append(rows, []string{"rows limited by policy", policy})
	}
	for _, id := range t.Requests {
		rows = append(rows, []string{"rests on access request", id})
	}
	p.section("Table "+t.Name+": "+through, rows)
}

// endings are whole sentences.
var endings = map[audit.Outcome]string{
	audit.Answered:  "It was answered.",
	audit.Denied:    "It was refused: no row left.",
	audit.Failed:    "It failed: no row left.",
	audit.Cancelled: "The caller went away: no row left.",
	audit.Unknown:   "The server ended before the call did. Whether rows left is not known.",
	audit.Begun:     "There is no outcome: it is being answered, or the server died and was not started since. Whether rows left is not known.",
}

func (p *page) ended(c audit.Call) {
	p.line("")
	p.line("How it ended")
	ending := endings[c.Ending()]
	if step(c) && stepEndings[c.Ending()] != "" {
		ending = stepEndings[c.Ending()]
	}
	if ending == "" {
		ending = string(c.Ending())
	}
	p.line("  %s", ending)
	for _, reason := range c.Reasons {
		p.line("  because %s", reason)
	}
	rows := [][]string{}
	if c.Code != "" {
		rows = append(rows, []string{"code", c.Code})
	}
	if c.Ending() == audit.Answered && c.Tool != "describe_table" && !step(c) {
		text := fmt.Sprint(c.Rows)
		if c.Truncated {
			text += ", and there were more than the limits let through"
		}
		rows = append(rows, []string{"rows returned", text})
	}
	if c.Outcome != nil && c.Duration > 0 {
		rows = append(rows, []string{"it took", c.Duration.Round(10 * time.Microsecond).String()})
	}
	if c.Role != nil || !step(c) {
		rows = append(rows, p.role(c)...)
	}
	p.table(rows)
}

func (p *page) role(c audit.Call) [][]string {
	switch r := c.Role; {
	case r == nil:
		return [][]string{{"role", "none was vended"}}
	case r.Vended.IsZero():
		return [][]string{{"role", r.Name + ", made for this call; whether it was is not known"}}
	default:
		return [][]string{
			{"role", r.Name},
			{"", "vended " + clock(r.Vended)},
			{"", fmt.Sprintf("revoked %s, after %s", clock(r.Revoked), r.Revoked.Sub(r.Vended).Round(10*time.Microsecond))},
		}
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000000 MST") }

func (p *page) standing(s Standing) {
	p.line("")
	p.line("In the log")
	rows := [][]string{}
	for _, at := range s.Records {
		phase := string(at.Phase)
		if phase == "" {
			phase = "record"
		}
		rows = append(rows, []string{phase, fmt.Sprintf("line %d of the whole log, in %s", at.Index+1, at.File)})
	}
	p.table(rows)
	p.line("  %s", s.Text)
	if s.Root != "" {
		p.line("  root %s", s.Root)
	}
}
