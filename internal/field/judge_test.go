package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"deputy/tools"
)

// judge plays a line and says what is wrong; it is empty if the line is right.
func judge(t *testing.T, l line) string {
	t.Helper()
	switch {
	case troubles[l.ID] != nil:
		return troubles[l.ID](t, l)
	case l.Expect != "":
		return judgeSetup(t, l)
	}
	w, err := worldOf(t, l)
	if err != nil {
		return err.Error()
	}
	switch {
	case l.Request != nil:
		return judgeRequest(w, l)
	case l.Tool != "":
		return judgeTool(t, w, l)
	case l.Group == "hash-join":
		return judgeHash(t, w, l)
	case l.SQL != "":
		return judgeQuery(t, w, l)
	}
	return "there is no way to play it"
}

// platform is where a line asks.
func (w *world) platform(l line) string {
	if l.Platform != "" {
		return l.Platform
	}
	if _, ok := w.bases[l.file()]; ok {
		return l.file()
	}
	for name := range w.bases {
		return name
	}
	return ""
}

func (w *world) query(t *testing.T, l line, sql string) (*tools.QueryResult, error) {
	t.Helper()
	s := w.ask(l, "anna")
	if s.err != nil {
		return nil, s.err
	}
	return s.client.Query(t.Context(), map[string]any{"platform": w.platform(l), "sql": sql})
}

func judgeQuery(t *testing.T, w *world, l line) string {
	t.Helper()
	if w.refused[l.ID] && strings.Contains(l.Right, "refused") {
		return ""
	}
	got, err := w.query(t, l, l.SQL)
	var refusal *tools.Refusal
	errors.As(err, &refusal)
	if observed, ok := observation(l); ok {
		return observed.differ(got, err)
	}
	if limited(l.Kind, l.ID, got, err) {
		return ""
	}
	if err != nil && strings.HasPrefix(l.Right, "no value for that claim") {
		return w.judgeClaim(l, refusal)
	}
	if l.Right == "refused" {
		return wrongUnless(err != nil, "it is answered")
	}
	if says := wayOut[l.Kind]; says != nil {
		if refusal != nil {
			text := refusal.Message + " " + refusal.Hint
			return wrongUnless(says.MatchString(text) || says.MatchString(w.checked), "the refusal says %q", text)
		}
		if says.MatchString(w.checked) {
			return ""
		}
	}
	sql := l.SQL
	if l.Oracle != "" {
		sql = l.Oracle
	}
	base := w.bases[w.platform(l)]
	want, refused := psql(base.name, base.path, sql)
	switch {
	case refusal != nil && (refused != nil || strings.HasPrefix(l.Right, "a clear refusal")):
		return ""
	case err != nil:
		return fmt.Sprintf("%v; psql gives %q", err, want)
	case refused != nil:
		return fmt.Sprintf("%v, and Deputy gives %q", refused, got.Rows)
	}
	wrong := differ(want, got.Rows, !l.Unordered && ordered.MatchString(l.SQL))
	if strings.HasPrefix(l.Right, "a clear refusal") && wrong != "" && l.likeObserved(got) {
		return ""
	}
	return wrong
}

// judgeClaim accepts that a claim without a value opens nothing, and 403 that names the claim.
func (w *world) judgeClaim(l line, refusal *tools.Refusal) string {
	if refusal != nil {
		return wrongUnless(refusal.Code == tools.NotPermitted, "the call is refused as %s", refusal.Code)
	}
	got, err := w.send(query(w.platform(l), l.SQL), w.token(l, "anna"))
	if err != nil {
		return err.Error()
	}
	for claim := range l.Claims.Extra {
		if got.Status == 403 && strings.Contains(got.Body, claim) {
			return ""
		}
	}
	return fmt.Sprintf("it is answered with %d: %s", got.Status, got.Body)
}

var ordered = regexp.MustCompile(`(?i)\border\s+by\b`)

// wayOut is what a refusal, or deputy check, must say to be right as well as psql's rows, by kind.
var wayOut = map[string]*regexp.Regexp{
	"extension-operator-missing": regexp.MustCompile(`functions:|functions of extensions|the extension`),
	"rls-table-empty":            regexp.MustCompile(`(?i)crm\.notes.*row.level|row.level.*crm\.notes`),
	"view-fails-at-run":          regexp.MustCompile(`crm\.secrets_inv|crm\.remote_regions`),
	"name-shown-not-usable":      regexp.MustCompile(`"User"`),
}

// likeObserved compares with the one row that was seen, but for the number of a temporary schema.
func (l line) likeObserved(got *tools.QueryResult) bool {
	var observed string
	if json.Unmarshal(l.Deputy, &observed) != nil || len(got.Rows) != 1 {
		return false
	}
	var cells []string
	for _, cell := range got.Rows[0] {
		cells = append(cells, text(cell, ""))
	}
	number := regexp.MustCompile(`pg_temp_\d+`)
	row := strings.Join(cells, "|")
	return row == observed || number.ReplaceAllString(row, "pg_temp") == number.ReplaceAllString(observed, "pg_temp") ||
		strings.Replace(row, " ", "T", 1) == observed
}

// observed is the answer that is right because it was seen and looked at.
type observed struct {
	Rows [][]any
	ERR  string
	Cols [][]any
}

// observation is what a line says was observed, if that is what is right.
func observation(l line) (observed, bool) {
	var o observed
	if l.Right != "as observed" {
		return o, false
	}
	content := l.Deputy
	var inside string
	if json.Unmarshal(content, &inside) == nil {
		content = json.RawMessage(inside)
	}
	if err := json.Unmarshal(content, &o); err != nil { // the answer was cut off: its columns stand at the beginning
		pairs := regexp.MustCompile(`\["([^"]*)", "([^"]*)", (null|"[^"]*")\]`)
		for _, m := range pairs.FindAllStringSubmatch(string(content), -1) {
			var mask any
			json.Unmarshal([]byte(m[3]), &mask)
			o.Cols = append(o.Cols, []any{m[1], m[2], mask})
		}
	}
	return o, true
}

func (o observed) differ(got *tools.QueryResult, err error) string {
	var refusal *tools.Refusal
	errors.As(err, &refusal)
	switch {
	case o.ERR != "" && (refusal == nil || string(refusal.Code) != o.ERR):
		return fmt.Sprintf("observed was %s, now %v", o.ERR, err)
	case o.ERR != "":
		return ""
	case err != nil:
		return err.Error()
	case len(o.Cols) > len(got.Columns):
		return fmt.Sprintf("observed were the columns %v, now %v", o.Cols, got.Columns)
	}
	for i, c := range o.Cols {
		mask, _ := c[2].(string)
		if got.Columns[i].Name != c[0] || got.Columns[i].MaskedBy != mask {
			return fmt.Sprintf("observed was the column %v, now %v", c, got.Columns[i])
		}
	}
	want, _ := json.Marshal(o.Rows)
	rows, _ := json.Marshal(got.Rows)
	if o.Rows != nil && string(want) != string(rows) {
		return fmt.Sprintf("observed were the rows %s, now %s", want, rows)
	}
	return ""
}

// judgeHash joins two columns under a hash mask. A type that has no hash is NULL, and joins nothing.
func judgeHash(t *testing.T, w *world, l line) string {
	t.Helper()
	got, err := w.query(t, l, l.SQL)
	if err != nil {
		return err.Error()
	}
	count := fmt.Sprint(got.Rows[0][0])
	right := count == l.Clear || count == "0" && strings.HasPrefix(l.Right, "NULL")
	return wrongUnless(right, "the join counts %s, in the clear %s", count, l.Clear)
}

func wrongUnless(right bool, format string, args ...any) string {
	if right {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
