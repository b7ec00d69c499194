package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/internal/config/form"
	"deputy/internal/durable"
)

// Baseline is what an administrator has accepted of each platform, by the platform's name. What a database has beyond
// it bears the tag New. It is kept in a file beside the configuration, to be committed and reviewed with it: one line
// for each table, which lists its columns in their order, each with its type and the tags that the database kept of it.
// The tags of the table itself stand behind an empty name. A table may also be a plain list of its columns' names.
type Baseline map[string]entitlements.Accepted

const maxBaseline = 64 << 20

// readBaseline reads the file strictly: what is there twice or of another form is no list that anybody can have looked
// at. Without a file there is no Baseline.
func readBaseline(path string, d *form.Document) (b Baseline, data []byte) {
	data, err := read(path, maxBaseline)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !utf8.Valid(data) {
		err = errors.New("it is not UTF-8 text")
	}
	b = Baseline{}
	at := 0
	if err == nil {
		r := baselineReader{json.NewDecoder(bytes.NewReader(data))}
		err = r.file(b)
		at = 1 + bytes.Count(data[:r.InputOffset()], []byte("\n"))
	}
	if err != nil {
		d.AddTo(path, at, "%v: restore the file, or remove it and run deputy catalog accept", err)
	}
	return b, data
}

type baselineReader struct{ *json.Decoder }

func (r baselineReader) file(b Baseline) error {
	err := r.object("platforms", func(platform string) error {
		b[platform] = entitlements.Accepted{}
		return r.object("tables", func(name string) error {
			parts, err := selector.Split(name)
			if err != nil || len(parts) != 2 {
				return fmt.Errorf("%q is no table: it is written schema.table", name)
			}
			table, err := r.table(name)
			b[platform][entitlements.TableName{Schema: parts[0], Name: parts[1]}] = table
			return err
		})
	})
	if err != nil {
		return err
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the list")
	}
	return nil
}

// object reads the members of one object, and refuses one that is there twice.
func (r baselineReader) object(of string, member func(name string) error) error {
	if err := r.delimiter('{', "an object of "+of); err != nil {
		return err
	}
	return r.members(of, r.text, member)
}

// members are those of an object that has begun.
func (r baselineReader) members(of string, text func() (string, error), member func(name string) error) error {
	seen := map[string]bool{}
	for r.More() {
		name, err := text()
		switch {
		case err != nil:
			return err
		case seen[name]:
			return fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	return r.delimiter('}', "the end of an object of "+of)
}

func (r baselineReader) table(name string) (t entitlements.AcceptedTable, err error) {
	t.Columns = []entitlements.AcceptedColumn{}
	switch token, err := r.Token(); {
	case err != nil:
		return t, complete(err)
	case token == json.Delim('{'):
		return t, r.members("columns", r.word, func(column string) error {
			text, err := r.word()
			typ, tags := cutTags(text)
			if column == "" {
				t.Tags = tags
			} else {
				t.Columns = append(t.Columns, entitlements.AcceptedColumn{Name: column, Type: typ, Tags: tags})
			}
			return err
		})
	case token != json.Delim('['):
		return t, fmt.Errorf("%v stands where a list of columns belongs", token)
	}
	for r.More() {
		column, err := r.text()
		switch {
		case err != nil:
			return t, err
		case slices.ContainsFunc(t.Columns, func(c entitlements.AcceptedColumn) bool { return c.Name == column }):
			return t, fmt.Errorf("column %q of %s is there twice", column, name)
		}
		t.Columns = append(t.Columns, entitlements.AcceptedColumn{Name: column})
	}
	return t, r.delimiter(']', "the end of a list of columns")
}

// cutTags reads "text #PII.SSN #Secret".
func cutTags(text string) (typ string, tags []string) {
	for {
		at := strings.LastIndex(text, "#")
		if at < 0 || at > 0 && text[at-1] != ' ' {
			slices.Reverse(tags)
			return text, tags
		}
		tags = append(tags, text[at+1:])
		text = strings.TrimSuffix(text[:at], " ")
	}
}

func (r baselineReader) text() (string, error) {
	name, err := r.word()
	if err == nil && name == "" {
		err = errors.New(`"" is no name`)
	}
	return name, err
}

// word is text that may be empty.
func (r baselineReader) word() (string, error) {
	token, err := r.Token()
	name, ok := token.(string)
	if err == nil && !ok {
		err = fmt.Errorf("%v is no name", token)
	}
	return name, complete(err)
}

func (r baselineReader) delimiter(want json.Delim, what string) error {
	token, err := r.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%v stands where %s belongs", token, what)
	}
	return complete(err)
}

// complete has words for a file that ends too early.
func complete(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}

// Write puts the baseline into the file in one step, so that no reader ever sees half of it. The same baseline is
// always the same text.
func (b Baseline) Write(path string) error {
	return durable.Write(path, 0o644, []byte(b.text()))
}

func (b Baseline) text() string {
	platforms := []string{}
	for _, platform := range slices.Sorted(maps.Keys(b)) {
		tables := []string{}
		for name, table := range b[platform] {
			tables = append(tables, "    "+quoted(selector.Join(name.Schema, name.Name))+": "+tableText(table))
		}
		slices.Sort(tables)
		platforms = append(platforms, "  "+quoted(platform)+": "+braces(tables, "  "))
	}
	return braces(platforms, "") + "\n"
}

func tableText(t entitlements.AcceptedTable) string {
	names, members := []string{}, []string{}
	if len(t.Tags) > 0 {
		members = append(members, quoted("")+": "+quoted(withTags("", t.Tags)))
	}
	known := len(t.Tags) > 0
	for _, c := range t.Columns {
		known = known || c.Type != "" || len(c.Tags) > 0
		names = append(names, quoted(c.Name))
		members = append(members, quoted(c.Name)+": "+quoted(withTags(c.Type, c.Tags)))
	}
	if known {
		return "{" + strings.Join(members, ", ") + "}"
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func withTags(text string, tags []string) string {
	for _, tag := range tags {
		text += " #" + tag
	}
	return strings.TrimPrefix(text, " ")
}

func braces(lines []string, indent string) string {
	if len(lines) == 0 {
		return "{}"
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
}

func quoted(name string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.Encode(name) // a string is always JSON
	return strings.TrimSuffix(b.String(), "\n")
}
