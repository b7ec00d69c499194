package mask

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"deputy/entitlements/catalog"
	"deputy/entitlements/expression"
	"deputy/entitlements/pattern"
	"deputy/entitlements/written"
	"deputy/internal/mistake"
)

// Kind is how a value is hidden.
type Kind string

// The kinds of masks. What holds of each is its row in forms.
const (
	MaskNull             Kind = "null"
	MaskHash             Kind = "hash"
	MaskEmail            Kind = "email"
	MaskFormatPreserving Kind = "format_preserving"
	MaskConstant         Kind = "constant"
	MaskPartial          Kind = "partial"
	MaskRegex            Kind = "regex"
	MaskRound            Kind = "round"
	MaskTruncate         Kind = "truncate"
	MaskBucket           Kind = "bucket"
	MaskSQL              Kind = "sql"
)

// Form is all that is known of one kind of mask. The engines alone know how to compute it: each has a function for
// every kind, and shows NULL for a kind that it has none for.
type Form struct {
	Kind Kind
	// Write is how the mask is written.
	Write string
	// Doc says in words what the mask makes of a value.
	Doc string
	// Compares says for those who write statements what can be made of the masked values.
	Compares string
	// Joins is set where masked values are equal exactly when the values are, short ones of few forms aside.
	Joins bool
	// Keyed is set where the mask needs a key that outlives the process.
	Keyed bool
	// Alone is set where the mask may be written as its name alone although it takes values.
	Alone bool
	// Values are what the mask takes: none, one without a key, or some with keys.
	Values []Value
	// Section is what the schema calls the keys, and SectionDoc what it says of them.
	Section, SectionDoc string
	// Entry is what messages call one entry, where the mask takes a list of entries that have the keys; Add begins one.
	Entry string
	Add   func(*Mask)
	// SomeAboveZero is set where one of the numbers behind the keys has to be more than 0.
	SomeAboveZero bool

	// strict is the mask's place among the others: the lowest hides the most. No two share it.
	strict int
	// fits is Mask.Fits.
	fits func(Mask, catalog.Column) bool
	// check refuses a mask that its author cannot have meant; nil where there is nothing to check.
	check func(Mask) error
	// text is what stands behind the name in a policy; nil or empty where nothing does.
	text func(Mask) string
}

// Value is one value that a mask takes.
type Value struct {
	Key     string // empty where the value stands behind the mask's name
	Doc     string
	Shape   Shape
	Words   []string // that a Choice or an Option is one of
	Needed  bool
	Without string // what holds where the key is left out
	// Least and Most bound a Count; zero: it has no bound.
	Least, Most int
	// Set puts the text into the mask, into the last of its entries where it has some.
	Set func(m *Mask, text string) error
}

// Shape is what a value looks like.
type Shape int

// The shapes of values.
const (
	Plain  Shape = iota // text, which may be empty
	Filled              // text that is not empty
	SQL                 // an expression
	Count               // a whole number from 0
	Step                // a number above 0
	Bound               // a number or a date
	Choice              // one of the words
	Option              // one of the words, or null
)

// forms are the kinds in the order in which they are listed, those of one word first.
var forms = []Form{
	{
		Kind: MaskNull, Write: "null", Doc: "a NULL of the column's type", strict: 10,
		Compares: "every value is NULL: nothing can be compared",
		fits:     always,
	},
	{ // the beginning of HMAC-SHA-256, hex: across tables too
		Kind: MaskHash, Write: "hash", Doc: "equal values stay equal", strict: 30, Keyed: true,
		Compares: "equal values have equal hashes: =, GROUP BY, count(DISTINCT) and joins with other hashed columns " +
			"of the same length work; a value that you know is equal to none",
		Joins: true,
		Alone: true, Section: "Hash", SectionDoc: hashOdds,
		Values: []Value{
			{Key: "length", Shape: Count, Least: shortestHash, Most: longestHash, Without: strconv.Itoa(usualHash),
				Doc: "How many hexadecimal digits stand for a value, from 8 to 64. " +
					"Columns join where they have the same length.",
				Set: setLength},
		},
		fits: ofComparedText, check: checkHash, text: hashText,
	},
	{ // ***@ and the domain
		Kind: MaskEmail, Write: "email", Doc: "the domain stays", strict: 80,
		Compares: "the domain alone is left: GROUP BY it works, joins do not",
		fits:     ofText,
	},
	{ // the rest stays; keyed and stable
		Kind: MaskFormatPreserving, Write: "format_preserving", strict: 40, Keyed: true,
		Compares: "equal values stay equal: =, joins and GROUP BY work, but short values may become equal to others; " +
			"a value that you know is equal to none",
		Joins: true,
		Doc:   "other digits for digits, other letters for letters",
		fits:  ofComparedText,
	},
	{
		Kind: MaskConstant, Write: "{constant: TEXT}", Doc: "Every value becomes this one.", strict: 20,
		Compares: "all values are the same: nothing can be told apart",
		Values:   []Value{{Set: func(m *Mask, s string) error { m.Constant = s; return nil }}},
		fits:     func(m Mask, c catalog.Column) bool { return constantFits(m.Constant, c.Kind) },
		check:    func(m Mask) error { return plainText("the constant", m.Constant) },
		text:     func(m Mask) string { return written.Scalar(m.Constant) },
	},
	{
		Kind:          MaskPartial,
		Write:         "{partial: {first: N, last: N}}",
		strict:        90,
		Compares:      "different values may look the same: joins do not work",
		Doc:           "The first and last characters stay, the rest becomes *.",
		Section:       "Partial",
		SectionDoc:    "How many characters stay at the ends. One of the two is more than 0.",
		SomeAboveZero: true,
		Values: []Value{
			{Key: "first", Shape: Count, Without: "0", Doc: "How many characters stay at the start.",
				Set: func(m *Mask, s string) error { return characters(&m.First, s) }},
			{Key: "last", Shape: Count, Without: "0", Doc: "How many characters stay at the end.",
				Set: func(m *Mask, s string) error { return characters(&m.Last, s) }},
		},
		fits:  ofText,
		check: checkPartial,
		text:  partialText,
	},
	{
		Kind:       MaskRegex,
		Write:      "{regex: {match: PATTERN, replace: TEXT}}",
		Doc:        "What matches is replaced.",
		strict:     100,
		Compares:   "different values may look the same: joins do not work",
		Section:    "Regex",
		SectionDoc: "A pattern, and what replaces what it matches.",
		Values: []Value{
			{
				Key:    "match",
				Shape:  Filled,
				Needed: true,
				Doc:    "The pattern, which every database understands in the same way.",
				Set:    func(m *Mask, s string) error { m.Pattern = s; return nil },
			},
			{Key: "replace", Without: "nothing",
				Doc: `What stands for a match. \1 to \9 stand for what the groups matched.`,
				Set: func(m *Mask, s string) error { m.Replace = s; return nil }},
			{Key: "unmatched", Shape: Option, Words: []string{"keep"}, Without: "null",
				Doc: "What a value without a match becomes: null, or keep to leave it as it is.", Set: setUnmatched},
		},
		fits: ofText,
		check: func(m Mask) error {
			return errors.Join(pattern.Check(m.Pattern), pattern.CheckReplacement(m.Pattern, m.Replace))
		},
		text: regexText,
	},
	{
		Kind: MaskRound, Write: "{round: STEP}", Doc: "A number is rounded to this step.", strict: 70,
		Compares: "rounded numbers: ranges and sums are approximate, joins do not work",
		Values:   []Value{{Shape: Step, Set: func(m *Mask, s string) error { m.Step = s; return nil }}},
		fits:     func(_ Mask, c catalog.Column) bool { return c.Kind == catalog.Number },
		check:    checkRound,
		text:     func(m Mask) string { return m.Step },
	},
	{
		Kind: MaskTruncate, Write: "{truncate: UNIT}", Doc: "A date or time is cut down to this.", strict: 60,
		Compares: "each value is the start of its period: GROUP BY works, joins do not",
		Values: []Value{
			{Shape: Choice, Words: words(units), Set: func(m *Mask, s string) error { m.Unit = Unit(s); return nil }},
		},
		fits: truncateFits, check: checkTruncate,
		text: func(m Mask) string { return string(m.Unit) },
	},
	{ // the column becomes text
		Kind: MaskBucket, Write: "{bucket: [{below: N, name: TEXT}]}", strict: 50,
		Compares: "each value is the name of its range: GROUP BY works, joins do not",
		Doc:      "A value becomes the name of the range that it is in.",
		Section:  "Bucket", SectionDoc: "One range of numbers or dates, from the range before it.",
		Entry: "a range", Add: func(m *Mask) { m.Buckets = append(m.Buckets, Bucket{}) },
		Values: []Value{
			{
				Key:     "below",
				Shape:   Bound,
				Without: "the rest, in the last range",
				Doc:     "Where the range ends: a number or a date.",
				Set:     func(m *Mask, s string) error { m.Buckets[len(m.Buckets)-1].Below = s; return nil },
			},
			{Key: "name", Shape: Filled, Needed: true, Doc: "What is shown for a value in the range.",
				Set: func(m *Mask, s string) error { m.Buckets[len(m.Buckets)-1].Name = s; return nil }},
		},
		fits: bucketFits, check: Mask.checkBuckets, text: bucketText,
	},
	{ // the column takes its type; whether that fits, the database says at the start
		Kind: MaskSQL, Write: "{sql: EXPRESSION}", Doc: "A value becomes this expression over $column.", strict: 110,
		Compares: "an expression of the administrator's: do not take its values for the real ones",
		Values:   []Value{{Shape: SQL, Set: setSQL}},
		fits:     always, check: checkSQL,
		text: func(m Mask) string { return written.Scalar(expression.Text(m.SQL)) },
	},
}

const (
	usualHash    = 16
	shortestHash = 8
	longestHash  = 64

	hashOdds = "How long the hash is. That two of n different values have the same is as likely as " +
		"n² in 2^(4·length+1): " +
		"with 16 digits, one in 37 million for a million values and one in 37 for a billion."
)

// HashLength is how many hexadecimal digits of its hash stand for a value.
func (m Mask) HashLength() int { return cmp.Or(m.Length, usualHash) }

func setLength(m *Mask, text string) error {
	length, err := strconv.Atoi(text)
	if err != nil || length < shortestHash || length > longestHash {
		return fmt.Errorf("write a number of digits here, from %d to %d", shortestHash, longestHash)
	}
	m.Length = length
	return nil
}

func checkHash(m Mask) error {
	if n := m.HashLength(); n < shortestHash || n > longestHash {
		return fmt.Errorf("a hash of %d digits cannot be: length is from %d to %d", n, shortestHash, longestHash)
	}
	return nil
}

// hashText is empty for the usual hash, which is written as its name alone.
func hashText(m Mask) string {
	if m.HashLength() == usualHash {
		return ""
	}
	return fmt.Sprintf("{length: %d}", m.Length)
}

// Forms are the kinds in the order in which they are listed, those of one word first.
func Forms() []Form { return slices.Clone(forms) }

// Kinds are all kinds, the strictest first.
func Kinds() (out []Kind) {
	byStrictness := slices.SortedFunc(
		slices.Values(forms),
		func(a, b Form) int { return cmp.Compare(a.strict, b.strict) },
	)
	for _, f := range byStrictness {
		out = append(out, f.Kind)
	}
	return out
}

// form is the kind's row; the zero Form of a kind that there is not, which fits nothing.
func (k Kind) form() Form {
	for _, f := range forms {
		if f.Kind == k {
			return f
		}
	}
	return Form{}
}

// Compares says what can be made of masked values in a statement; joins, whether equal ones stay equal.
func (k Kind) Compares() (says string, joins bool) {
	f := k.form()
	return f.Compares, f.Joins
}

// NeedsNothing reports whether the mask may be written as its name alone.
func (k Kind) NeedsNothing() bool {
	f := k.form()
	return f.Kind != "" && (len(f.Values) == 0 || f.Alone)
}

// Keyed reports whether the mask needs a key that outlives the process.
func (k Kind) Keyed() bool { return k.form().Keyed }

// KnownMasks is how all masks are written.
func KnownMasks() string {
	var out []string
	for _, f := range forms {
		out = append(out, f.Write)
	}
	return strings.Join(out, ", ")
}

// NotAMask says how the mask of that name is written, if there is one.
func NotAMask(word string) error {
	if f := Kind(word).form(); f.Kind != "" {
		if f.Alone {
			return fmt.Errorf("the mask %[1]s is written with: %[1]s, or {%[1]s: {%[2]s: …}}", word, f.Values[0].Key)
		}
		return fmt.Errorf("the mask %s is written with: %s", word, f.Write)
	}
	return fmt.Errorf("%q is not a mask%s (known: %s)", word, mistake.Hint(word, words(Kinds())), KnownMasks())
}

func always(Mask, catalog.Column) bool { return true }

func ofText(_ Mask, c catalog.Column) bool { return c.Kind == catalog.Text }

func ofComparedText(_ Mask, c catalog.Column) bool {
	return c.Kind == catalog.Text && c.Equality != catalog.Unsaid
}

func truncateFits(m Mask, c catalog.Column) bool {
	// a date has no more than a day
	return c.Kind == catalog.Time || c.Kind == catalog.Date && slices.Index(units, m.Unit) < slices.Index(units, "day")
}

func bucketFits(m Mask, c catalog.Column) bool {
	return m.bounds() == c.Kind || c.Kind == catalog.Time && m.bounds() == catalog.Date
}

func characters(to *int, text string) error {
	count, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("write a number of characters here")
	}
	*to = count
	return nil
}

func setUnmatched(m *Mask, text string) error {
	if text != "null" && text != "keep" {
		return errors.New("unmatched is null (a value without a match is hidden) or keep (it stays as it is)")
	}
	m.Keep = text == "keep"
	return nil
}

func setSQL(m *Mask, text string) (err error) {
	m.SQL, err = expression.ParseOfColumn(text)
	return err
}

func checkPartial(m Mask) error {
	switch {
	case m.First < 0 || m.Last < 0:
		return errors.New("partial counts characters: first and last cannot be negative")
	case m.First == 0 && m.Last == 0:
		return errors.New("partial keeps no character at all: say how many with first or last, or mask with null")
	}
	return nil
}

func checkRound(m Mask) error {
	if step, ok := new(big.Rat).SetString(m.Step); !written.Decimal.MatchString(m.Step) || !ok || step.Sign() <= 0 {
		return fmt.Errorf("%q is not a step: round takes a number above 0, such as 100 or 0.5", m.Step)
	}
	return nil
}

func checkTruncate(m Mask) error {
	if slices.Contains(units, m.Unit) {
		return nil
	}
	return fmt.Errorf(
		"%q is not a unit%s (known: %s)",
		m.Unit,
		mistake.Hint(string(m.Unit), words(units)),
		strings.Join(words(units), ", "),
	)
}

func checkSQL(m Mask) error {
	if len(m.SQL) == 0 {
		return errors.New("sql is empty: write an expression over $column")
	}
	return nil
}

func partialText(m Mask) string {
	var kept []string
	if m.First > 0 {
		kept = append(kept, fmt.Sprintf("first: %d", m.First))
	}
	if m.Last > 0 {
		kept = append(kept, fmt.Sprintf("last: %d", m.Last))
	}
	return "{" + strings.Join(kept, ", ") + "}"
}

func regexText(m Mask) string {
	text := "match: " + written.Scalar(m.Pattern) + ", replace: " + written.Scalar(m.Replace)
	if m.Keep {
		text += ", unmatched: keep"
	}
	return "{" + text + "}"
}

func bucketText(m Mask) string {
	var ranges []string
	for _, b := range m.Buckets {
		text := "name: " + written.Scalar(b.Name)
		if b.Below != "" {
			text = "below: " + b.Below + ", " + text
		}
		ranges = append(ranges, "{"+text+"}")
	}
	return "[" + strings.Join(ranges, ", ") + "]"
}
