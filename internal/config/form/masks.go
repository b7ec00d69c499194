package form

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"deputy/entitlements"
)

// The section and the readers of masks, and the readers of the rules about rows.

// maskSection has the masks that need something, each as a key of its own: the kinds of entitlements/mask.
var maskSection = sectionOfMasks()

func sectionOfMasks() *Section {
	s := &Section{
		Name: "Mask",
		Doc:  "What hides a column's values: the name of a mask, or one of these keys with what the mask needs.",
	}
	for _, f := range entitlements.MaskForms() {
		if len(f.Values) == 0 {
			continue
		}
		key := Key{Name: string(f.Kind), Doc: f.Doc}
		switch {
		case f.Section == "":
			key.Kind = maskValueKind(&f.Values[0])
		case f.Entry == "":
			key.Kind = section(maskPart(&f))
		default:
			key.Kind = atLeastOne(sections(maskPart(&f)))
		}
		s.Keys = append(s.Keys, key)
	}
	return s
}

// maskPart is the section of the keys that a mask takes.
func maskPart(f *entitlements.MaskForm) *Section {
	s := &Section{Name: f.Section, Doc: f.SectionDoc}
	for i := range f.Values {
		v := &f.Values[i]
		s.Keys = append(s.Keys, Key{Name: v.Key, Kind: maskValueKind(v), Doc: v.Doc, Needed: v.Needed, Without: v.Without})
	}
	if f.SomeAboveZero {
		s.more = func(schema *Schema) {
			for _, key := range s.names() {
				schema.AnyOf = append(schema.AnyOf, &Schema{
					Type: "object", Properties: properties{{key, number.within(1, 0).integer()}}, Required: []string{key},
				})
			}
		}
	}
	return s
}

// maskValueKind is what the file knows of a value of that shape.
func maskValueKind(v *entitlements.MaskValue) Kind {
	switch v.Shape {
	case entitlements.MaskFilled:
		return nonEmpty("")
	case entitlements.MaskExpression:
		return nonEmpty("").called("SQL")
	case entitlements.MaskCount:
		return number.within(int64(v.Least), int64(v.Most))
	case entitlements.MaskStep:
		return either("number", &Schema{Type: "number", ExclusiveMinimum: "0"}, `[0-9]{1,18}(\.[0-9]{1,18})?`)
	case entitlements.MaskBound:
		return either(
			"number or date", &Schema{Type: "number"}, `-?[0-9]{1,18}(\.[0-9]{1,18})?|[0-9]{4}-[0-9]{2}-[0-9]{2}.*`,
		)
	case entitlements.MaskChoice:
		return among(v.Words...)
	case entitlements.MaskOption:
		return orNull(v.Words)
	}
	return text
}

// orNull is one of the words, or null.
func orNull(words []string) Kind {
	return Kind{Word: strings.Join(append([]string{"null"}, words...), ", "), describe: func(Kind) *Schema {
		return anyOf(orVariable(&Schema{Enum: append(slices.Clone(words), "null")}), &Schema{Type: "null"})
	}}
}

// masksAlone are the masks that are written as their name alone.
func masksAlone() (out []entitlements.MaskForm) {
	return slices.DeleteFunc(
		entitlements.MaskForms(),
		func(f entitlements.MaskForm) bool { return !f.Kind.NeedsNothing() },
	)
}

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
func readNeeds(m *entitlements.Mask, v *yaml.Node) error {
	forms := entitlements.MaskForms()
	f := forms[slices.IndexFunc(forms, func(f entitlements.MaskForm) bool { return f.Kind == m.Kind })]
	if f.Section == "" {
		return readMaskValue(m, &f.Values[0])(v)
	}
	keys := into{}
	for i := range f.Values {
		keys[f.Values[i].Key] = readMaskValue(m, &f.Values[i])
	}
	if f.Entry == "" {
		return readKeys(v, string(f.Kind), maskPart(&f), keys)
	}
	for _, item := range v.Content {
		f.Add(m)
		if err := readKeys(item, f.Entry, maskPart(&f), keys); err != nil {
			return err
		}
	}
	return nil
}

// readMaskValue reads one value of a mask. Numbers and null are told by what the mask says of them.
func readMaskValue(m *entitlements.Mask, v *entitlements.MaskValue) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		text := n.Value
		switch {
		case v.Shape == entitlements.MaskOption && isNull(n):
			text = "null"
		case v.Shape == entitlements.MaskOption, v.Shape == entitlements.MaskCount:
		default:
			var err error
			if text, err = word(n); err != nil {
				return err
			}
		}
		if err := v.Set(m, text); err != nil {
			return wrong(n, "%w", err)
		}
		return nil
	}
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
