package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

var (
	errClosed          = errors.New("the engine is closed")
	errPanicked        = errors.New("SQLite gave up")
	errVending         = errors.New("vending")
	errNotRead         = errors.New("not a read")
	errSeveral         = errors.New("several statements")
	errParameters      = errors.New("parameters")
	errOtherParameters = errors.New("the statement does not have the parameters that are declared for it")
	errOutside         = errors.New("the byte code reaches outside of the lease")
	errMoved           = errors.New("the columns of a table are not those that the call was decided for")
	errChanged         = errors.New("the statement was prepared again after it had been checked")
)

const (
	notThere = "the statement names a table that is not there or that you may not read: describe_table lists those you can"
	readOnly = "only a read can be run here: write one SELECT, WITH or VALUES statement"
)

const syntaxError = "there is a syntax error"

func unavailable(cause error) *vending.Error {
	return &vending.Error{
		Code:    vending.Unavailable,
		Message: "the data platform cannot be used now: try again later or tell its operator",
		Cause:   cause,
	}
}

// interrupted tells a caller that went away from a statement that took too long.
func interrupted(ctx context.Context) *vending.Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &vending.Error{Code: vending.Cancelled, Message: "the call was cancelled", Cause: ctx.Err()}
	}
	return &vending.Error{
		Code:    vending.Timeout,
		Message: "the statement took too long: ask for less at once",
		Cause:   ctx.Err(),
	}
}

// refusal says in words for a caller why a statement gave no rows. Nothing of SQLite's own message gets through but
// words that the caller wrote and the phrases below: names of inner views, of the file and of hidden tables stay in
// Cause.
func (e *Engine) refusal(err error, sql string, text vending.Requalified) *vending.Error {
	cause := err // for the operator's log
	refuse := func(code vending.Code, message string) *vending.Error {
		return &vending.Error{Code: code, Message: message, Cause: cause}
	}
	var already *vending.Error
	var detail *sqlite3.Error
	errors.As(err, &detail)
	if ran := new(running); detail != nil && errors.As(err, &ran) {
		cause = detail.Code() // a statement that runs meets values, and SQLite quotes them: bad JSON path: '…'
	}
	switch {
	case errors.As(err, &already):
		return already
	case errors.Is(err, errNotRead):
		if e.Dialect().Empty(sql) {
			return refuse(vending.InvalidSQL, "there is no statement: write one SELECT")
		}
		return refuse(vending.Unsupported, cmp.Or(e.Dialect().NoRead(sql), readOnly))
	case errors.Is(err, errSeveral):
		return refuse(
			vending.Unsupported,
			"only one statement can be run at a time: take off everything behind the first semicolon",
		)
	case errors.Is(err, errParameters):
		return refuse(vending.Unsupported, "parameters have no values here: write the values into the statement")
	case errors.Is(err, errOtherParameters):
		return refuse(vending.InvalidSQL, errOtherParameters.Error())
	case errors.Is(err, errOutside):
		return refuse(e.missing(sql))
	case errors.Is(err, errProgram):
		return refuse(vending.Unsupported, "the statement cannot be checked: write it more simply")
	case errors.Is(err, sqlite3.BUSY),
		errors.Is(err, sqlite3.LOCKED):
		return refuse(vending.Locked, vending.LockedMessage)
	case errors.Is(err, sqlite3.FULL):
		return refuse(vending.DiskFull, "the database has no room left on its disk, and the statement needs some")
	case errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.CORRUPT):
		return refuse(vending.Unavailable, "the database's file is damaged or is being replaced: "+
			"its administrator finds the reason in the log")
	case errors.Is(err, errChanged),
		errors.Is(err, errMoved),
		errors.Is(err, vending.ErrChanged):
		return refuse(vending.TooBusy, "the data platform is busy: try again in a moment")
	case errors.Is(err, errVending):
		return unavailable(err)
	case errors.Is(err, errPanicked):
		return refuse(vending.Unsupported, "the statement needs more memory than it may have: ask for less at once")
	case errors.Is(err, sqlite3.TOOBIG):
		return refuse(
			vending.Unsupported,
			"the statement makes or reads a value that is too long: ask for less at once",
		)
	case detail == nil:
		return unavailable(err)
	}
	switch detail.Code() {
	case sqlite3.AUTH, sqlite3.ERROR, sqlite3.MISMATCH, sqlite3.RANGE:
		phrase := e.phrase(detail, sql)
		if phrase.Message == notThere {
			phrase.Code, phrase.Message = e.missing(sql)
		}
		position := 0
		if phrase.Code == vending.InvalidSQL {
			position = at(detail, text)
		}
		if position > 0 && strings.HasPrefix(phrase.Message, syntaxError) {
			phrase.Message += fmt.Sprintf(" at character %d", position)
		}
		return &vending.Error{Code: phrase.Code, Message: phrase.Message, Position: position, Cause: cause}
	}
	return unavailable(cause)
}

// missing is about a table that is not there for the caller. A statement that names one of SQLite's own is told that
// those are there for no caller, by its text alone: which of them the file has is not told.
func (e *Engine) missing(sql string) (vending.Code, string) {
	for name := range e.Dialect().Names(sql) {
		if isCatalog(name) {
			return vending.Unsupported, vending.NoCatalogs
		}
	}
	return vending.NotPermitted, notThere
}

// at finds the place of an error in the caller's text.
func at(err *sqlite3.Error, text vending.Requalified) int {
	rest := err.SQL()
	if rest == "" || !strings.HasSuffix(text.SQL, rest) {
		return 0
	}
	return text.Original(utf8.RuneCountInString(text.SQL[:len(text.SQL)-len(rest)]) + 1)
}

// phrases are SQLite's messages and what becomes of them. A %s stands for the name in the message, %[2]s for the name
// as text.
var phrases = []struct {
	message *regexp.Regexp
	code    vending.Code
	phrase  string
}{
	{
		regexp.MustCompile(`^no such table|^no such module|is not a function$|^access to |^not authorized$`),
		vending.NotPermitted,
		notThere,
	},
	{
		regexp.MustCompile(`^not authorized to use function: (.+)$`),
		vending.Unsupported,
		"the function %s may not be used",
	},
	{regexp.MustCompile(`^cannot modify `), vending.Unsupported, readOnly},
	{regexp.MustCompile(`^near "(.*)": syntax error$`), vending.InvalidSQL, syntaxError + " near %s"},
	{regexp.MustCompile(`^incomplete input$`), vending.InvalidSQL, "the statement ends too early"},
	{
		regexp.MustCompile(`^unrecognized token: ":"$`),
		vending.InvalidSQL,
		"a colon means nothing here: casts are written CAST(… AS type)",
	},
	{
		regexp.MustCompile(`^unrecognized token: "(.*)"$`),
		vending.InvalidSQL,
		"the statement cannot be read from %s on: is a quote left open?",
	},
	{
		regexp.MustCompile(`^no such column: "(.+)" - should this be a string literal in single-quotes\?$`),
		vending.InvalidSQL,
		`there is no column "%[1]s": text is written in single quotes, %[2]s`,
	},
	{
		regexp.MustCompile(`(?i)^no such column: ((?:.+\.)?(?:rowid|_rowid_|oid))$`),
		vending.InvalidSQL,
		"there is no column %s: tables are read through views, which have no row numbers: use the table's own key",
	},
	{
		regexp.MustCompile(`^no such column: (.+?)(?: - should this be .*)?$`),
		vending.InvalidSQL,
		"there is no column %s",
	},
	{
		regexp.MustCompile(`^ambiguous column name: (.+)$`),
		vending.InvalidSQL,
		"the column name %s is ambiguous: put the table before it",
	},
	{regexp.MustCompile(`^no such function: (.+)$`), vending.InvalidSQL, "there is no function %s"},
	{
		regexp.MustCompile(`^wrong number of arguments to function (.+?)\(\)$`),
		vending.InvalidSQL,
		"the function %s takes another number of arguments",
	},
	{
		regexp.MustCompile(
			`^misuse of (?:aggregate|window|aliased aggregate|aliased window)(?: function)?:? (.+?)(?:\(\))?$`,
		),
		vending.InvalidSQL,
		"%s cannot be used in this place",
	},
	{
		regexp.MustCompile(`^cannot join using column (.+?) - column not present in both tables$`),
		vending.InvalidSQL,
		"there is no column %s on both sides of the join",
	},
	{
		regexp.MustCompile(`do not have the same number of result columns$`),
		vending.InvalidSQL,
		"both sides of a set operation need the same number of columns",
	},
	{
		regexp.MustCompile(`(?:ORDER|GROUP) BY term out of range|ORDER BY term does not match`),
		vending.InvalidSQL,
		"ORDER BY or GROUP BY names something that is not in the result",
	},
	{
		regexp.MustCompile(
			`^Recursion limit$|^Expression tree is too large|nested too deep$|^parser stack overflow$|^too many `,
		),
		vending.Unsupported,
		"the statement is too deeply nested or too large: write it more simply",
	},
	{regexp.MustCompile(`^integer overflow$`), vending.InvalidSQL, "a number became too large while the statement ran"},
	{regexp.MustCompile(`^malformed JSON$`), vending.InvalidSQL, "a value that was read as JSON is not JSON"},
}

func (e *Engine) phrase(err *sqlite3.Error, sql string) *vending.Error {
	message := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "sqlite3: "), sqlState(err)+": ")
	for _, p := range phrases {
		match := p.message.FindStringSubmatch(message)
		switch {
		case match == nil:
		case len(match) == 1:
			return &vending.Error{Code: p.code, Message: p.phrase}
		case e.callers(match[1], sql) != "":
			args := []any{e.callers(match[1], sql), sqltext.Literal(match[1])}[:1+strings.Count(p.phrase, "%[2]s")]
			return &vending.Error{Code: p.code, Message: fmt.Sprintf(p.phrase, args...)}
		}
	}
	return &vending.Error{
		Code:    vending.InvalidSQL,
		Message: "the database refused the statement: simplify it, and check names and values",
	}
}

func sqlState(err *sqlite3.Error) string {
	return strings.TrimPrefix(err.Code().Error(), "sqlite3: ")
}

// callers returns a name from one of SQLite's messages if every part of it stands in the caller's own text, else
// nothing.
func (e *Engine) callers(name, sql string) string {
	if rest, found := strings.CutPrefix(name, "temp."); found {
		name = e.schema + "." + rest
		if !e.Dialect().Names(sql)[e.schema] {
			name = ownName + "." + rest
		}
	}
	if utf8.RuneCountInString(name) > 100 {
		return ""
	}
	for part := range strings.SplitSeq(name, ".") {
		if !strings.Contains(sqltext.Fold(sql), sqltext.Fold(part)) {
			return ""
		}
	}
	return name
}
