package form

import (
	"fmt"
	"strings"

	"deputy/entitlements"
)

// Reference is the reference page of the file, in Markdown: the sections in the file's order, one row for each key.
func Reference() string {
	p := &page{}
	p.WriteString(
		"# Configuration\n\n<!-- Generated from the table of keys in internal/config/form: run make schema. -->\n\n" +
			"Deputy reads one YAML file. An unknown key, a key written twice or a value that does not fit stops the start, each with its line.\n" +
			"A value may hold `${NAME}`: the content of an environment variable. `$${` is a plain `${`. " +
			"`deputy schema` prints the JSON Schema of the file, for editors.\n\n## The file\n\n",
	)
	p.table(File)
	for i := range File.Keys {
		p.section(File.Keys[i].Name, &File.Keys[i].Kind, 2)
	}
	p.WriteString("## Values\n\n| value | how it is written |\n|---|---|\n")
	for _, v := range valueForms {
		fmt.Fprintf(p, "| %s | %s |\n", v[0], cell(v[1]))
	}
	p.WriteString("\n## Masks that need something\n\n" + maskSection.Doc + "\n\n")
	p.table(maskSection)
	p.nested("with", maskSection, 3)
	return strings.TrimRight(p.String(), "\n") + "\n"
}

// valueForms say how the kinds of values are written that are more than a word or a number.
var valueForms = [][2]string{
	{"text", "Any scalar, as it stands: true, 12 and 2026-01-01 are text too."},
	{"secret", "Text that no message, log or record shows. It best comes from an environment variable."},
	{"list", "One value, or several between brackets or behind dashes."},
	{"duration", "A number and a unit, also several: 30s, 2m, 1h30m."},
	{"age", "A number of days, such as 400d, or a duration."},
	{"period", "4h, 30d, 2w, or as in ISO 8601: PT4H, P30D. From 1m to 366d."},
	{"size", "4MiB, 512KiB, 1GiB or a number of bytes."},
	{"percentage", "10%, or 0.5%."},
	{"selectors", "Names of tables or columns: sales.orders, sales.*, sales.orders.lastname, tag:PII; one, or a list."},
	{"tags", "A mapping of a tag's name to the schemas, tables and columns that have it."},
	{
		"matcher",
		entitlements.KnownTerms() + "; a list of which any may hold; or {all: [...]}, {any: [...]}, {not: ...}.",
	},
	{"mask", namesAlone() + ", or a key with what the mask needs, such as {partial: {last: 4}}."},
	{"sentences", "USER via AGENT: TABLE is open, sees 5 rows. See deputy test --help."},
}

func namesAlone() string {
	var names []string
	for _, f := range masksAlone() {
		names = append(names, string(f.Kind))
	}
	return strings.Join(names, ", ")
}

type page struct{ strings.Builder }

// section writes a chapter of its own for what has keys.
func (p *page) section(path string, k *Kind, level int) {
	if k.list != nil {
		p.section(path+"[]", k.list, level)
		return
	}
	if k.dict != nil {
		p.section(path+".NAME", k.dict, level)
		return
	}
	if k.part == nil || k.part == maskSection {
		return
	}
	fmt.Fprintf(p, "%s %s\n\n%s\n\n", strings.Repeat("#", level), path, k.part.Doc)
	p.table(k.part)
	p.nested(path, k.part, min(level+1, 4))
}

func (p *page) nested(path string, s *Section, level int) {
	for i := range s.Keys {
		p.section(path+"."+s.Keys[i].Name, &s.Keys[i].Kind, level)
	}
}

func (p *page) table(s *Section) {
	p.WriteString("| key | kind | default | since | what it does |\n|---|---|---|---|---|\n")
	for i := range s.Keys {
		k := &s.Keys[i]
		fmt.Fprintf(p, "| `%s` | %s | %s | %s | %s |\n", k.Name, cell(k.word()), cell(k.holds(s)), k.since(), cell(k.Doc))
	}
	p.WriteString("\n")
}

// word is the kind with its bounds.
func (k *Key) word() string {
	if b := k.Kind.bounds; b != nil && b.says != "" {
		return k.Kind.Word + ", " + b.says
	}
	return k.Kind.Word
}

// holds is the cell about the key left out, and about where it belongs.
func (k *Key) holds(s *Section) string {
	out := k.without()
	if k.needed() {
		out = "needed"
	}
	if k.Of != "" {
		return strings.TrimSpace(fmt.Sprintf("%s (%s %s only)", out, s.Variant, k.Of))
	}
	return out
}

func (k *Key) since() string {
	if k.Since != "" {
		return k.Since
	}
	return firstVersion
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "\n", " ").Replace(text)
}

// Generated are the files that are made of the table, by their paths in the repository.
func Generated() (map[string][]byte, error) {
	schema, err := JSONSchema()
	return map[string][]byte{
		"examples/deputy.schema.json": schema, "docs/configuration.md": []byte(Reference()),
	}, err
}
