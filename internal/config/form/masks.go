package form

import (
	"math/big"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// The readers of masks and of the rules about rows.

// readMask takes the name of a mask, or a mapping of its name to what it needs.
func readMask(n *yaml.Node) (any, error) {
	if n.Kind == yaml.ScalarNode {
		switch kind := entitlements.MaskKind(n.Value); {
		case isNull(n):
			return entitlements.Mask{Kind: entitlements.MaskNull}, nil
		case kind.NeedsNothing():
			return entitlements.Mask{Kind: kind}, nil
		}
		return nil, wrong(n, "%w", entitlements.NotAMask(n.Value))
	}
	switch {
	case n.Kind != yaml.MappingNode || len(n.Content) != 2:
		return nil, wrong(n, "write exactly one mask here: %s", entitlements.KnownMasks())
	case isNull(n.Content[0]): // YAML reads the word so
		return nil, wrong(n, "%w", entitlements.NotAMask("null"))
	}
	m := entitlements.Mask{Kind: entitlements.MaskKind(n.Content[0].Value)}
	k, v := n.Content[0], n.Content[1]
	row := maskSection.key(k.Value)
	switch {
	case row == nil && !m.Kind.NeedsNothing():
		return nil, wrong(k, "%w", entitlements.NotAMask(k.Value))
	case row == nil || v.Kind != row.Kind.shape():
		return nil, wrong(v, "%w", entitlements.NotAMask(k.Value))
	}
	if err := readNeeds(&m, v); err != nil {
		return nil, err
	}
	if bad := m.Check(); bad != nil {
		return nil, wrong(n, "%w", bad)
	}
	return m, nil
}

// readNeeds reads what a mask needs.
func readNeeds(m *entitlements.Mask, v *yaml.Node) (err error) {
	switch m.Kind {
	case entitlements.MaskConstant:
		m.Constant, err = word(v)
	case entitlements.MaskPartial:
		err = readKeys(
			v,
			"partial",
			partialSection,
			into{"first": put(&m.First, characters), "last": put(&m.Last, characters)},
		)
	case entitlements.MaskRegex:
		err = readKeys(v, "regex", regexSection,
			into{"match": put(&m.Pattern, word), "replace": put(&m.Replace, word), "unmatched": put(&m.Keep, readUnmatched)})
	case entitlements.MaskRound:
		m.Step, err = word(v)
	case entitlements.MaskTruncate:
		err = put((*string)(&m.Unit), word)(v)
	case entitlements.MaskBucket:
		for _, item := range v.Content {
			var b entitlements.Bucket
			if err := readKeys(item, "a range", bucketSection, into{"below": put(&b.Below, word), "name": put(&b.Name, word)}); err != nil {
				return err
			}
			m.Buckets = append(m.Buckets, b)
		}
	case entitlements.MaskSQL:
		err = readMaskSQL(m, v)
	}
	return err
}

func characters(n *yaml.Node) (int, error) {
	count, err := strconv.Atoi(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return 0, wrong(n, "write a number of characters here")
	}
	return count, nil
}

func readUnmatched(n *yaml.Node) (keep bool, err error) {
	if isNull(n) || n.Value == "null" || n.Value == "keep" {
		return n.Value == "keep", nil
	}
	return false, wrong(n, "unmatched is null (a value without a match is hidden) or keep (it stays as it is)")
}

func readMaskSQL(m *entitlements.Mask, n *yaml.Node) error {
	s, err := word(n)
	if err != nil {
		return err
	}
	if m.SQL, err = expression.ParseOfColumn(s); err != nil {
		return wrong(n, "%w", err)
	}
	return nil
}

const (
	matchForm  = "match needs a column and the name of an attribute: {column: region, attribute: region}"
	withinForm = "within needs a column and how far back: {column: created_at, last: 90d}"
)

var (
	attributeName = regexp.MustCompile(`^` + entitlements.AttributeName + `$`)
	lastSpan      = regexp.MustCompile(`^([1-9][0-9]{0,5})([hdw])$`)
	rowShare      = regexp.MustCompile(`^([0-9]{1,2}(?:\.[0-9]{1,4})?)%$`)
)

// readMatch takes {column: NAME, attribute: NAME}.
func readMatch(n *yaml.Node) (any, error) {
	var m entitlements.MatchColumn
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, matchForm)
	}
	err := readKeys(n, "match", matchSection, into{"column": put(&m.Column, word), "attribute": put(&m.Attribute, word)})
	if err == nil && (m.Column == "" || !attributeName.MatchString(m.Attribute)) {
		err = wrong(n, matchForm)
	}
	return m, err
}

// readWithin takes {column: NAME, last: 90d}.
func readWithin(n *yaml.Node) (any, error) {
	var w entitlements.Within
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, withinForm)
	}
	err := readKeys(n, "within", withinSection, into{"column": put(&w.Column.Name, word), "last": put(&w.Last, readSpan)})
	if err == nil && (w.Column.Name == "" || w.Last == 0) {
		err = wrong(n, withinForm)
	}
	return w, err
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

// readSample takes a percentage: 10%.
func readSample(n *yaml.Node) (any, error) {
	parts := rowShare.FindStringSubmatch(n.Value)
	if n.Kind == yaml.ScalarNode && parts != nil {
		if r, ok := new(big.Rat).SetString(parts[1]); ok && r.Sign() > 0 {
			r.Mul(r, big.NewRat(10_000, 1))
			return entitlements.Sample{PerMillion: int(r.Num().Int64() / r.Denom().Int64())}, nil
		}
	}
	return nil, wrong(n, "write the share of the rows that is seen as a percentage above 0%% and below 100%%: 10%%")
}
