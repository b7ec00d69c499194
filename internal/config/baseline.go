package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/internal/config/form"
	"deputy/internal/durable"
	"deputy/internal/strictjson"
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
	b = Baseline{}
	at := 0
	if err == nil {
		r := baselineReader{}
		err = r.file(b, data)
		at = 1 + bytes.Count(data[:r.at], []byte("\n"))
	}
	if err != nil {
		d.AddTo(path, at, "%v: restore the file, or remove it and run deputy catalog accept", err)
	}
	return b, data
}

// baselineReader is how far the file has been read, in bytes.
type baselineReader struct{ at int }

func (r *baselineReader) file(b Baseline, data []byte) error {
	whole, err := strictjson.Parse(data)
	if r.at = whole.Offset; errors.Is(err, strictjson.ErrTrailing) {
		return errors.New("something follows the end of the list")
	}
	if err != nil {
		return err
	}
	return r.object(whole, "platforms", func(platform string, tables strictjson.Value) error {
		b[platform] = entitlements.Accepted{}
		return r.object(tables, "tables", func(name string, value strictjson.Value) error {
			parts, err := selector.Split(name)
			if err != nil || len(parts) != 2 {
				return fmt.Errorf("%q is no table: it is written schema.table", name)
			}
			table, err := r.table(name, value)
			b[platform][entitlements.TableName{Schema: parts[0], Name: parts[1]}] = table
			return err
		})
	})
}

// object reads the members of an object, each with a name.
func (r *baselineReader) object(v strictjson.Value, of string, member func(string, strictjson.Value) error) error {
	ok, err := r.members(v, func(name string, value strictjson.Value) error {
		if name == "" {
			return errNoName("")
		}
		return member(name, value)
	})
	if !ok {
		return fmt.Errorf("%s stands where an object of %s belongs", v, of)
	}
	return err
}

// members are those of an object, if the value is one.
func (r *baselineReader) members(v strictjson.Value, member func(string, strictjson.Value) error) (ok bool, err error) {
	ok, err = v.Members(func(name string, value strictjson.Value) error {
		r.at = value.Offset
		return member(name, value)
	})
	if twice, is := errors.AsType[*strictjson.DuplicateError](err); is {
		r.at, err = twice.Offset, fmt.Errorf("%q is there twice", twice.Name)
	}
	return ok, err
}

// table reads the columns of a table: with their types, or their names alone.
func (r *baselineReader) table(name string, v strictjson.Value) (t entitlements.AcceptedTable, err error) {
	t.Columns = []entitlements.AcceptedColumn{}
	ok, err := r.members(v, func(column string, value strictjson.Value) error {
		text, ok := value.Word()
		if !ok {
			return errNoName(value.String())
		}
		typ, tags := cutTags(text)
		if column == "" {
			t.Tags = tags
		} else {
			t.Columns = append(t.Columns, entitlements.AcceptedColumn{Name: column, Type: typ, Tags: tags})
		}
		return nil
	})
	if ok {
		return t, err
	}
	ok, err = v.Elements(func(value strictjson.Value) error {
		r.at = value.Offset
		column, ok := value.Word()
		switch {
		case !ok || column == "":
			return errNoName(value.String())
		case slices.ContainsFunc(t.Columns, func(c entitlements.AcceptedColumn) bool { return c.Name == column }):
			return fmt.Errorf("column %q of %s is there twice", column, name)
		}
		t.Columns = append(t.Columns, entitlements.AcceptedColumn{Name: column})
		return nil
	})
	if !ok {
		return t, fmt.Errorf("%s stands where a list of columns belongs", v)
	}
	return t, err
}

func errNoName(text string) error {
	if text == "" {
		text = `""`
	}
	return fmt.Errorf("%s is no name", text)
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
