package entitlements

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements/expression"
	"deputy/internal/mistake"
)

// maskForms is how each mask is written, those of one word first.
var maskForms = []struct {
	kind  MaskKind
	write string
	value yaml.Kind // of what the mask needs; 0: it needs nothing
}{
	{MaskNull, "null", 0},
	{MaskHash, "hash", 0},
	{MaskEmail, "email", 0},
	{MaskFormatPreserving, "format_preserving", 0},
	{MaskConstant, "{constant: TEXT}", yaml.ScalarNode},
	{MaskPartial, "{partial: {first: N, last: N}}", yaml.MappingNode},
	{MaskRegex, "{regex: {match: PATTERN, replace: TEXT}}", yaml.MappingNode},
	{MaskRound, "{round: STEP}", yaml.ScalarNode},
	{MaskTruncate, "{truncate: UNIT}", yaml.ScalarNode},
	{MaskBucket, "{bucket: [{below: N, name: TEXT}]}", yaml.SequenceNode},
	{MaskSQL, "{sql: EXPRESSION}", yaml.ScalarNode},
}

func knownMasks() string {
	var out []string
	for _, f := range maskForms {
		out = append(out, f.write)
	}
	return strings.Join(out, ", ")
}

// UnmarshalYAML takes the name of a mask, or a mapping of its name to what it needs. With a null it is not called: see
// Policy.
func (m *Mask) UnmarshalYAML(n *yaml.Node) error { return read(m, n, readMask) }

func readMask(n *yaml.Node) (*Mask, error) {
	if n.Kind == yaml.ScalarNode {
		switch kind := MaskKind(n.Value); {
		case isNull(n):
			return &Mask{Kind: MaskNull}, nil
		case kind == MaskNull || kind == MaskHash || kind == MaskEmail || kind == MaskFormatPreserving:
			return &Mask{Kind: kind}, nil
		}
		return nil, wrong(n, "%w", notAMask(n.Value))
	}
	switch {
	case n.Kind != yaml.MappingNode || len(n.Content) != 2:
		return nil, wrong(n, "write exactly one mask here: %s", knownMasks())
	case isNull(target(n.Content[0])): // YAML reads the word so
		return nil, wrong(n, "%w", notAMask("null"))
	}
	var m Mask
	err := each(n, func(key string, k, v *yaml.Node) (err error) {
		m.Kind = MaskKind(key)
		for _, f := range maskForms {
			if f.kind == m.Kind && f.value != v.Kind {
				return wrong(v, "%w", notAMask(key))
			}
		}
		switch m.Kind {
		case MaskConstant:
			m.Constant, err = text(v)
		case MaskPartial:
			err = readPartial(v, &m)
		case MaskRegex:
			err = readRegex(v, &m)
		case MaskRound:
			m.Step, err = text(v)
		case MaskTruncate:
			err = into((*string)(&m.Unit), text)(v)
		case MaskBucket:
			m.Buckets, err = readBuckets(v)
		case MaskSQL:
			m.SQL, err = readMaskSQL(v)
		default:
			return wrong(k, "%w", notAMask(key))
		}
		return err
	})
	if err == nil {
		if bad := m.Check(); bad != nil {
			err = wrong(n, "%w", bad)
		}
	}
	return &m, err
}

// notAMask says how the mask of that name is written, if there is one.
func notAMask(word string) error {
	for _, f := range maskForms {
		if string(f.kind) == word {
			return fmt.Errorf("the mask %s is written with: %s", word, f.write)
		}
	}
	return fmt.Errorf("%q is not a mask%s (known: %s)", word, mistake.Hint(word, words(strictness)), knownMasks())
}

func readPartial(n *yaml.Node, m *Mask) error {
	return readKeys(n, "partial", []key{{"first", into(&m.First, characters)}, {"last", into(&m.Last, characters)}})
}

func characters(n *yaml.Node) (int, error) {
	count, err := strconv.Atoi(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return 0, wrong(n, "write a number of characters here")
	}
	return count, nil
}

func readRegex(n *yaml.Node, m *Mask) error {
	return readKeys(n, "regex", []key{
		{"match", into(&m.Pattern, text)},
		{"replace", into(&m.Replace, text)},
		{"unmatched", into(&m.Keep, func(v *yaml.Node) (bool, error) {
			if isNull(v) || v.Value == "null" || v.Value == "keep" {
				return v.Value == "keep", nil
			}
			return false, wrong(v, "unmatched is null (a value without a match is hidden) or keep (it stays as it is)")
		})},
	})
}

func readBuckets(n *yaml.Node) (out []Bucket, err error) {
	for _, item := range n.Content {
		var b Bucket
		if err := readKeys(target(item), "a range", []key{{"below", into(&b.Below, text)}, {"name", into(&b.Name, text)}}); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func readMaskSQL(n *yaml.Node) ([]expression.Part, error) {
	s, err := sqlText(n)
	if err != nil {
		return nil, err
	}
	parts, err := expression.ParseOfColumn(s)
	if err != nil {
		return nil, wrong(n, "%w", err)
	}
	return parts, nil
}

// UnmarshalYAML takes {column: NAME, attribute: NAME}.
func (m *MatchColumn) UnmarshalYAML(n *yaml.Node) error { return read(m, n, readMatch) }

// UnmarshalYAML takes {column: NAME, last: 90d}.
func (w *Within) UnmarshalYAML(n *yaml.Node) error { return read(w, n, readWithin) }

// UnmarshalYAML takes a percentage: 10%.
func (s *Sample) UnmarshalYAML(n *yaml.Node) error { return read(s, n, readSample) }

func read[T any](to *T, n *yaml.Node, how func(*yaml.Node) (*T, error)) error {
	read, err := how(target(n))
	if err == nil {
		*to = *read
	}
	return err
}

func readMatch(n *yaml.Node) (*MatchColumn, error) {
	var m MatchColumn
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, matchForm)
	}
	err := readKeys(n, "match", []key{{"column", into(&m.Column, text)}, {"attribute", into(&m.Attribute, text)}})
	if err == nil && (m.Column == "" || !attributeName.MatchString(m.Attribute)) {
		err = wrong(n, matchForm)
	}
	return &m, err
}

const (
	matchForm  = "match needs a column and the name of an attribute: {column: region, attribute: region}"
	withinForm = "within needs a column and how far back: {column: created_at, last: 90d}"
)

var (
	attributeName = regexp.MustCompile(`^` + AttributeName + `$`)
	lastSpan      = regexp.MustCompile(`^([1-9][0-9]{0,5})([hdw])$`)
	share         = regexp.MustCompile(`^([0-9]{1,2}(?:\.[0-9]{1,4})?)%$`)
)

func readWithin(n *yaml.Node) (*Within, error) {
	var w Within
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, withinForm)
	}
	err := readKeys(n, "within", []key{{"column", into(&w.Column.Name, text)}, {"last", into(&w.Last, readSpan)}})
	if err == nil && (w.Column.Name == "" || w.Last == 0) {
		err = wrong(n, withinForm)
	}
	return &w, err
}

func readSpan(n *yaml.Node) (time.Duration, error) {
	parts := lastSpan.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || parts == nil {
		return 0, wrong(n, "write how far back in hours, days or weeks: 12h, 90d, 4w")
	}
	count, _ := strconv.Atoi(parts[1])
	unit := map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[parts[2]]
	if span := time.Duration(count) * unit; span <= 100*366*24*time.Hour {
		return span, nil
	}
	return 0, wrong(n, "that is longer than a hundred years: leave the rule out")
}

func readSample(n *yaml.Node) (*Sample, error) {
	parts := share.FindStringSubmatch(n.Value)
	if n.Kind == yaml.ScalarNode && parts != nil {
		if r, ok := new(big.Rat).SetString(parts[1]); ok && r.Sign() > 0 {
			r.Mul(r, big.NewRat(10_000, 1))
			return &Sample{int(r.Num().Int64() / r.Denom().Int64())}, nil
		}
	}
	return nil, wrong(n, "write the share of the rows that is seen as a percentage above 0%% and below 100%%: 10%%")
}

// String is the sample as it is written in a policy.
func (s Sample) String() string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", float64(s.PerMillion)/10_000), "0"), ".") + "%"
}
