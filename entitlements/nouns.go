package entitlements

import (
	"deputy/entitlements/catalog"
	"deputy/entitlements/mask"
	"deputy/entitlements/matcher"
	"deputy/entitlements/problem"
)

// The nouns of the catalog that decisions are about.
type (
	// TableName names a table inside one platform.
	TableName = catalog.TableName
	// ColumnName names a column inside one platform.
	ColumnName = catalog.ColumnName
	// Kind is what a mask has to know of a column's type.
	Kind = catalog.Kind
	// Equality says which values of a column of text are equal though they are written differently.
	Equality = catalog.Equality
	// Column is one column as the engine sees it.
	Column = catalog.Column
	// Table is one governed table, or view, as the engine sees it.
	Table = catalog.Table
	// TableKind is what a table is to its platform.
	TableKind = catalog.TableKind
	// ForeignKey says which row of another table a row belongs to.
	ForeignKey = catalog.ForeignKey
	// View is what a view or materialized view is made of.
	View = catalog.View
	// Lineage is what a view's column is made of.
	Lineage = catalog.Lineage
	// Catalog is everything that a platform governs, at one moment.
	Catalog = catalog.Catalog
	// Accepted are the tables of a platform that an administrator has looked at.
	Accepted = catalog.Accepted
	// AcceptedTable is a table as it was when it was accepted.
	AcceptedTable = catalog.AcceptedTable
	// Problem is something in the tags or policies that cannot be meant as it is written.
	Problem = problem.Problem
	// AcceptedColumn is a column as it was when it was accepted.
	AcceptedColumn = catalog.AcceptedColumn
)

// The kinds and equalities of columns.
const (
	Text    = catalog.Text
	Number  = catalog.Number
	Boolean = catalog.Boolean
	Date    = catalog.Date
	Time    = catalog.Time
	Other   = catalog.Other
	Exact   = catalog.Exact
	Folded  = catalog.Folded
	Trimmed = catalog.Trimmed
	Unsaid  = catalog.Unsaid
)

// The kinds of tables.
const (
	Ordinary     = catalog.Ordinary
	Viewed       = catalog.Viewed
	Materialized = catalog.Materialized
	Partitioned  = catalog.Partitioned
	Foreign      = catalog.Foreign
)

// Fatal reports whether any of the problems is more than a warning.
func Fatal(problems []Problem) bool { return problem.Fatal(problems) }

// ParseTableName splits "schema.table".
func ParseTableName(s string) (TableName, bool) { return catalog.ParseTableName(s) }

// Accept returns everything that is in the catalog now.
func Accept(c *Catalog) Accepted { return catalog.Accept(c) }

// SplitComment takes the tags out of a comment.
func SplitComment(comment string) (description string, tags []string) {
	return catalog.SplitComment(comment)
}

// The nouns of policies that have rooms of their own.
type (
	// Matcher says which identities a policy is about: a term, or terms joined.
	Matcher = matcher.Matcher
	// Term is one condition: its word and what follows.
	Term = matcher.Term
	// TermForm is all that is known of one kind of term.
	TermForm = matcher.Form
	// Mask hides a column's values.
	Mask = mask.Mask
	// MaskKind is how a value is hidden.
	MaskKind = mask.Kind
	// MaskForm is all that is known of one kind of mask.
	MaskForm = mask.Form
	// MaskValue is one value that a mask takes.
	MaskValue = mask.Value
	// Bucket is a range of numbers or dates.
	Bucket = mask.Bucket
	// Unit is what MaskTruncate cuts down to.
	Unit = mask.Unit
)

// The kinds of masks that other packages name. One that none names needs no line here.
const (
	MaskNull             = mask.MaskNull
	MaskConstant         = mask.MaskConstant
	MaskHash             = mask.MaskHash
	MaskFormatPreserving = mask.MaskFormatPreserving
	MaskBucket           = mask.MaskBucket
	MaskTruncate         = mask.MaskTruncate
	MaskRound            = mask.MaskRound
	MaskEmail            = mask.MaskEmail
	MaskPartial          = mask.MaskPartial
	MaskRegex            = mask.MaskRegex
	MaskSQL              = mask.MaskSQL
)

// The shapes of what masks take.
const (
	MaskFilled     = mask.Filled
	MaskExpression = mask.SQL
	MaskCount      = mask.Count
	MaskStep       = mask.Step
	MaskBound      = mask.Bound
	MaskChoice     = mask.Choice
	MaskOption     = mask.Option
)

// TermForms are the kinds of terms, those about the judged identity first.
func TermForms() []TermForm { return matcher.Forms() }

// TermFormOf is what is known of the terms with that word; the zero TermForm where there are none.
func TermFormOf(word string) TermForm { return matcher.FormOf(word) }

// KnownTerms is how all terms are written.
func KnownTerms() string { return matcher.KnownTerms() }

// Match makes a Matcher of one term, such as "group:Marketing".
func Match(text string) (*Matcher, error) { return matcher.Match(text) }

// AnyOf holds when one of the matchers does.
func AnyOf(matchers ...Matcher) Matcher { return matcher.AnyOf(matchers...) }

// AllOf holds when all of the matchers do.
func AllOf(matchers ...Matcher) Matcher { return matcher.AllOf(matchers...) }

// Not holds when the matcher does not.
func Not(m Matcher) Matcher { return matcher.Not(m) }

// Contradict reports whether it is certain that no identity and no call can fulfil both.
func Contradict(a, b *Matcher) bool { return matcher.Contradict(a, b) }

// CompareStrictness orders masks by how much they hide, the strictest first.
func CompareStrictness(a, b Mask) int { return mask.Compare(a, b) }

// MaskForms are the kinds of masks in the order in which they are listed, those of one word first.
func MaskForms() []MaskForm { return mask.Forms() }

// MaskKinds are all kinds of masks, the strictest first.
func MaskKinds() []MaskKind { return mask.Kinds() }

// KnownMasks is how all masks are written.
func KnownMasks() string { return mask.KnownMasks() }

// NotAMask says how the mask of that name is written, if there is one.
func NotAMask(word string) error { return mask.NotAMask(word) }
