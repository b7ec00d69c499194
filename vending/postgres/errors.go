package postgres

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"deputy/internal/pgconn"
	"deputy/vending"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/wayout"
)

// vendError is for a role that could not be made.
func vendError(ctx context.Context, err error) error {
	switch code := state(err); {
	case code == "57014":
		return interrupted(ctx, err)
	case code == "", troubled(err) != nil:
		return cutOff(ctx, err)
	case code == otherVersion:
		return &vending.Error{
			Code: vending.Unavailable,
			Message: "Deputy and the set-up of this data platform are of different versions: " +
				"tell an administrator of Deputy",
			Cause: cause(err),
		}
	}
	return notVended(cause(err))
}

// otherVersion is the state of the error that deputy.vend ends with when it does not know what a lease says.
const otherVersion = "DP001"

// notVended is for a role that is not made for a reason that holds until an administrator does something.
func notVended(reason error) error {
	return &vending.Error{
		Code:    vending.Unavailable,
		Message: "the role for this call could not be made: the administrator finds the reason in the log",
		Cause:   reason,
	}
}

// analysisError sorts what PostgreSQL said about a statement and says nothing of it: names were resolved without
// regard to who asks.
func analysisError(ctx context.Context, err error) error {
	code := state(err)
	switch {
	case code == "", troubled(err) != nil:
		return cutOff(ctx, err)
	case code == "57014":
		return interrupted(ctx, err)
	case code == "42P01" || code == "3F000" || code == "42501":
		return &vending.Error{Code: vending.NotPermitted, Message: notThere, Cause: cause(err)}
	case strings.HasPrefix(code, "54"):
		return &vending.Error{Code: vending.InvalidSQL, Message: tooComplex, Cause: cause(err)}
	case code == "42P02":
		return &vending.Error{Code: vending.InvalidSQL, Message: noParameters, Cause: cause(err)}
	case strings.HasPrefix(code, "42") && code != "42601", strings.HasPrefix(code, "22"):
		return &vending.Error{Code: vending.InvalidSQL, Message: notUnderstood, Cause: cause(err)}
	}
	return &vending.Error{Code: vending.Unsupported, Message: onlyReads, Cause: cause(err)}
}

const (
	notThere      = "the statement names a table that is not there or that you may not read: describe_table lists those you can"
	notUnderstood = "the statement cannot be understood: check names and types with describe_table"
	onlyReads     = "only one reading statement is accepted: SELECT, VALUES, TABLE or WITH"
	asksNothing   = "the statement asks for nothing: name the columns to select, and the table behind FROM"
	onlyOne       = "only one statement at a time is accepted: send them one by one"
	noParameters  = "parameters as $1 are not taken: write the value itself into the statement"
	tooComplex    = "the statement is too long or too deeply nested: make it simpler"
)

// statementError is what the database said inside the vended role's world. Only errors about the text itself are
// passed on in the database's words, since they know nothing but the views; errors about values are named by their
// kind alone, because a row filter may have met a value that the caller must not see.
func (v *vended) statementError(ctx context.Context, err error) error {
	code := state(err)
	var known *vending.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, pgconn.ErrAnswerTooLarge):
		return &vending.Error{
			Code:    vending.InvalidSQL,
			Message: "a row of the answer is too large: ask for less",
			Cause:   cause(err),
		}
	case troubled(err) != nil && !errors.Is(ctx.Err(), context.Canceled):
		return troubled(err)
	case code == "57014" || code == "" && ctx.Err() != nil:
		return interrupted(ctx, err)
	case code == "" && !isConnection(err): // lib/pq itself gave up, on an answer that no read has: COPY, parameters
		return &vending.Error{Code: vending.Unsupported, Message: onlyReads, Cause: err}
	case code == "08P01":
		return &vending.Error{
			Code:    vending.InvalidSQL,
			Message: "the statement is not text that PostgreSQL reads",
			Cause:   cause(err),
		}
	// the views are only for reading
	case code == "42501" && (!sqltext.Dialect.Reads(v.asked) || strings.Contains(err.Error(), "for view")):
		return &vending.Error{Code: vending.Unsupported, Message: onlyReads, Cause: cause(err)}
	case code == "42P01" && !wayout.InFrom(err) || code == "3F000" || code == "42501":
		return &vending.Error{
			Code:     vending.NotPermitted,
			Message:  v.notThere(err),
			Position: v.position(err),
			Cause:    cause(err),
		}
	case code == "42601" && sqltext.Dialect.Several(v.asked):
		return &vending.Error{Code: vending.Unsupported, Message: onlyOne, Cause: cause(err)}
	case strings.HasPrefix(code, "42"):
		return &vending.Error{
			Code:     vending.InvalidSQL,
			Message:  v.ownWords(err),
			Position: v.position(err),
			Cause:    cause(err),
		}
	case strings.HasPrefix(code, "22"):
		return &vending.Error{
			Code:    vending.InvalidSQL,
			Message: wayout.Value(err, kindOfError(err), v.position(err)),
			Cause:   cause(err),
		}
	case strings.HasPrefix(code, "54"):
		return &vending.Error{Code: vending.InvalidSQL, Message: tooComplex, Cause: cause(err)}
	case code == "0A000":
		return &vending.Error{
			Message: cmp.Or(wayout.NotSupported(err), v.ownWords(err)),
			Code:    vending.Unsupported, Position: v.position(err), Cause: cause(err),
		}
	case code == "2D000" || code == "25006" || strings.HasPrefix(code, "0A"):
		return &vending.Error{Code: vending.Unsupported, Message: onlyReads, Cause: cause(err)}
	case strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "08"), code == "":
		return unavailable(err)
	}
	return &vending.Error{
		Code:    vending.InvalidSQL,
		Message: wayout.Failed(err, kindOfError(err)),
		Cause:   cause(err),
	}
}

// runError is for a statement that was prepared. Its text and all names in it were understood then, so what the
// database still calls a syntax error, or a name that is not there, was in a value: to_tsquery and casts to regconfig
// read values so, and quote them.
func (v *vended) runError(ctx context.Context, err error) error {
	code := state(err)
	switch {
	case code == "0A000":
		message := cmp.Or(wayout.Unplanned(err), "a value does not fit: "+kindOfError(err))
		return &vending.Error{Code: vending.Unsupported, Message: message, Cause: cause(err)}
	case strings.HasPrefix(code, "42") && wayout.InFunction(err):
		return &vending.Error{Code: vending.Unsupported, Message: wayout.FunctionReads, Cause: cause(err)}
	case strings.HasPrefix(code, "42") && code != "42501":
		kind := kindOfError(err)
		return &vending.Error{
			Code:    vending.InvalidSQL,
			Message: "a value does not fit: " + kind,
			Cause:   fmt.Errorf("%s (%s)", kind, code),
		}
	}
	return v.statementError(ctx, err)
}

// isConnection reports whether the error is about the connection and not about what went over it.
func isConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed)
}

func interrupted(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &vending.Error{Code: vending.Cancelled, Message: "the call was cancelled", Cause: cause(err)}
	}
	return &vending.Error{
		Code:    vending.Timeout,
		Message: "the statement took too long and was stopped: ask for less, or aggregate",
		Cause:   cause(err),
	}
}

// notThere names the table as the caller wrote it, which is all that may be said of it.
func (v *vended) notThere(err error) string {
	name := sqltext.Dialect.NameAt(v.asked, v.position(err))
	switch {
	case name != "" && sqltext.Dialect.IsType(v.asked, v.position(err)):
		return name + " cannot be named as a type: " + wayout.Types
	case name != "":
		return name + " is not there, or you may not read it: describe_table lists the tables you can"
	}
	return notThere
}

// internalName matches what a lease adds to names: the vended schemas and the role.
var internalName = regexp.MustCompile(`deputy_[0-9a-z]{8,}(_[0-9]+)?`)

// ownWords is PostgreSQL's message and hint, with the governed schemas' names where the vended ones stood.
func (v *vended) ownWords(err error) string {
	var pe *pq.Error
	if !errors.As(err, &pe) {
		return "the statement cannot be understood"
	}
	text := pe.Message + wayout.Place(err, v.position(err))
	name := sqltext.Dialect.NameAt(v.asked, v.position(err))
	if more := cmp.Or(wayout.Of(pe, name), wayout.Foreign(err, v.asked)); more != "" {
		text += ": " + more
	}
	for governed, vendedSchema := range v.schemas {
		text = strings.ReplaceAll(text, vendedSchema, governed)
	}
	text = internalName.ReplaceAllString(text, "your role")
	for absent, word := range v.absent {
		text = strings.ReplaceAll(text, absent, word)
	}
	return text
}

func (v *vended) position(err error) int {
	if place := v.placeInText(err); place != 0 {
		return v.text.Original(place)
	}
	return 0
}

// placeInText is where in the vended text the error is.
func (v *vended) placeInText(err error) int {
	var pe *pq.Error
	if !errors.As(err, &pe) {
		return 0
	}
	n, _ := strconv.Atoi(pe.Position)
	switch {
	case n == 0:
		return 0
	case v.replaced != nil:
		return v.replaced.Original(n - len(guard))
	}
	return n - len(guard)
}

// cause is what the operator's log may have of an error. Outside the classes that are about the text, names or the
// server itself, PostgreSQL quotes values of rows in its messages: of those only the kind is kept.
func cause(err error) error {
	code := state(err)
	if code == "" ||
		slices.Contains([]string{"08", "0A", "25", "28", "2D", "3D", "3F", "42", "53", "54", "57", "58"}, code[:2]) {
		return err
	}
	return fmt.Errorf("%s (%s)", kindOfError(err), code)
}

func state(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) {
		return string(pe.Code)
	}
	return ""
}

// kindOfError is the condition's name from PostgreSQL's own list of error codes: "division by zero".
func kindOfError(err error) string {
	var pe *pq.Error
	if !errors.As(err, &pe) {
		return "unknown"
	}
	return strings.ReplaceAll(pe.Code.Name(), "_", " ")
}
