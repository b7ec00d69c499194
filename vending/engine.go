package vending

import (
	"context"
	"fmt"
	"strings"
	"time"

	"deputy/entitlements"
)

// Engine is one data platform: it analyses statements of its own language and runs them as roles that exist for one
// statement only. Every implementation passes enginetest.Run. All methods may be called concurrently.
type Engine interface {
	// Catalog returns what the platform governs now. Cheap: engines keep it and look again when it is older than they
	// allow.
	Catalog(ctx context.Context) (*entitlements.Catalog, error)

	// Analyze says what a statement would read, without running any of it and without regard to who asks. Only a
	// statement of an administrator's has parameters. Whatever is bound to them, it reads the same.
	// Errors are *Error. They may name things that the caller must not know of: see Diagnose.
	Analyze(ctx context.Context, sql string, parameters ...Parameter) (*Statement, error)

	// Diagnose vends the lease and prepares its statement there without running it. The error, if any, is *Error and
	// names only what the lease shows: it is the only engine error about a refused statement that may reach a caller.
	Diagnose(ctx context.Context, lease Lease) error

	// Run vends the lease's role, runs its one statement as that role, and revokes the role, all before it returns.
	// Errors are *Error. With an error the Result still says what happened to the role (zero times: it never existed).
	Run(ctx context.Context, lease Lease) (Result, error)

	// Profile vends a role for the whole of a table, with the lease id given, and counts what a sample of its values
	// looks like, sample rows at most. Only the counts leave the database. It is for the operator who holds the keys,
	// and no tool offers it.
	Profile(ctx context.Context, id string, table entitlements.TableName, sample int) (Profile, error)

	// Standing lists the vended roles that any other session can see now. It is empty, always; the demo and the tests
	// print it.
	Standing(ctx context.Context) ([]string, error)

	// Check says what is wrong with the platform's set-up. No finding but warnings: ready. An error: it could not be
	// asked.
	Check(ctx context.Context) ([]Finding, error)

	// Dialect is what the lexer must know of the engine's language.
	Dialect() Dialect

	Close() error
}

// Own is an engine on which a name may mean something else to the caller than to Analyze, which knows everything there
// is.
type Own interface {
	// AnalyzeFor says what the lease's statement reads where nothing exists but what the lease shows. Its errors are
	// those of Diagnose. It waits for a lock for a moment. The Analyze of such an engine waits for none, because the
	// lock may be on what the caller may not know of.
	AnalyzeFor(ctx context.Context, lease Lease) (*Statement, error)
}

// Lease is the order to vend one role, for one statement of one call.
type Lease struct {
	ID  string // the audit record's id: lower-case letters and digits; the role is named deputy_<ID>
	SQL string // the caller's statement, as written
	// Arguments are bound to the parameters of the statement, which has exactly these. A caller's own has none.
	Arguments []Argument
	Access    []entitlements.Access
	// all that the caller may read: the types of their columns are there for them. Only Diagnose asks
	Open []entitlements.TableName
	// Catalog is the version of the catalog that Access was decided over. Where the tables are not as that has them,
	// the error has the cause ErrChanged. Empty: it is not known.
	Catalog string
	// schemas that callers share and that this statement is not looked up in: see Statement.Without
	Without  []string
	MaxRows  int           // rows read at most; more sets Result.Truncated. 0: none are read
	MaxBytes int           // Size of all values read at most; more sets Result.Truncated
	Timeout  time.Duration // of the statement, in the database

	// Recorded returns once the call is on the record, and an error if it is not: then the statement does not run. Run
	// asks it when the role is vended, so that the disk and the database work at the same time. nil: there is nothing
	// to wait for.
	Recorded func(context.Context) error
}

// Await asks Recorded. Its error is *Error.
func (l Lease) Await(ctx context.Context) error {
	if l.Recorded == nil {
		return nil
	}
	if err := l.Recorded(ctx); err != nil {
		return &Error{
			Code:    Unavailable,
			Message: "the audit log cannot be written, so nothing is run: try again later",
			Cause:   err,
		}
	}
	return nil
}

// Result is what a statement gave. Values are nil, bool, int64 (up to 32 bits wide), float64 (finite) or string
// (everything else: exact numbers, 64-bit integers, times, bytes as \x hex).
type Result struct {
	Role      Role
	Columns   []OutputColumn
	Rows      [][]any
	Truncated bool
	// Unfit are the values of the caller that counted as none. They are there with an error too.
	Unfit []Unfit
}

// Unfit is a value of the caller that a policy compares with something of a type that it cannot be: it shows no row.
// The value itself is not here.
type Unfit struct {
	Table    entitlements.TableName
	Policy   string
	Variable string // attribute.NAME, user.groups, user.id
}

func (u Unfit) String() string {
	return fmt.Sprintf("a value of %s counted as none: on %s, policy %q compares it with a type that it does not fit",
		strings.TrimPrefix(u.Variable, "attribute."), u.Table, u.Policy)
}

// OutputColumn is one column of a result, its type in the engine's words.
type OutputColumn struct{ Name, Type string }

// Role is the life of one vended role. No other session ever saw it.
type Role struct {
	Name    string    // deputy_<lease id>
	Vended  time.Time // zero: it was not vended
	Revoked time.Time
}

// Clocked is an engine whose platform has a clock of its own.
type Clocked interface {
	// ClockAhead is how far Deputy's clock was ahead of the platform's when it was last compared; known says whether
	// it was.
	ClockAhead() (ahead time.Duration, known bool)
}

// Sized is an engine that knows how large its tables are without asking its platform.
type Sized interface {
	// Rows is how many rows the table had when the platform last counted, whoever asks; known is false where it has not,
	// and where rules of the platform's own hide rows.
	Rows(table entitlements.TableName) (rows int64, known bool)
}

// Typed is an engine whose masks change types.
type Typed interface {
	// ShownType is the type of the column in the view, in the engine's words; empty: the mask's own expression decides.
	ShownType(column entitlements.ColumnAccess) string
}

// Finding is something wrong with a platform's set-up, as a sentence that says what to do about it.
type Finding struct {
	// of the platform in the configuration that it is about: dsn, schemas[1]; empty: the platform as a whole
	Key     string
	Text    string
	Warning bool // calls work all the same
	// Part: calls work, but for those that need what it is about: a table, a function, a schema.
	Part bool
	// Table is the one that cannot be read; zero: the finding is about something else.
	Table entitlements.TableName
}
