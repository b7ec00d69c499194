package mcp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
	"deputy/tools/answer"
)

// showDescription gives a description in both copies. The text says all that the structured one says.
func showDescription(d tools.Description) *mcp.CallToolResult {
	var text strings.Builder
	if d.Table == "" {
		d.Tables = listed(d.Tables)
		showTables(&text, d)
	} else {
		d.Columns = listed(d.Columns)
		showTable(&text, d)
	}
	if d.More != "" {
		fmt.Fprintf(&text, "Notice: %s\n", inText(d.More))
	}
	fmt.Fprintf(&text, "\nAudit id %s.", answer.Escape(d.AuditID))
	return mcp.NewToolResultStructured(d, text.String())
}

func showTables(text *strings.Builder, d tools.Description) {
	fmt.Fprintf(text, "%s. Describe one to see its columns. %s\ntable | access | description\n",
		answer.Count(max(d.Total, len(d.Tables)), "table"), d.Note)
	for _, t := range d.Tables {
		text.WriteString(inText(t.Name) + " | " + t.Access + " | " + answer.Escape(t.Description))
		if len(t.Columns) > 0 {
			text.WriteString(" | found in " + inText(strings.Join(t.Columns, ", ")))
		}
		text.WriteByte('\n')
	}
}

func showTable(text *strings.Builder, d tools.Description) {
	fmt.Fprintf(text, "%s\n", inText(d.Table))
	if d.Note != "" { // before the first comment
		fmt.Fprintf(text, "%s\n", d.Note)
	}
	fmt.Fprintf(text, "%s\n", answer.Escape(d.Description))
	if d.Kind != "" {
		fmt.Fprintf(text, "%s", d.Kind)
		if d.Rows != nil {
			fmt.Fprintf(text, ", about %s", answer.Count(int(*d.Rows), "row"))
		}
		text.WriteByte('\n')
	}
	text.WriteString("column | type | access | masked by | tags | description\n")
	for _, c := range d.Columns {
		text.WriteString(inText(c.Name))
		text.WriteString(answer.Line("", c.Type, c.Access, maskedBy(c), strings.Join(tags(c), " "), c.Description))
		if len(c.Labels) > 0 {
			fmt.Fprintf(text, "  one of %s\n", labels(c))
		}
	}
	if len(d.PrimaryKey) > 0 {
		fmt.Fprintf(text, "Primary key (%s).\n", inText(strings.Join(d.PrimaryKey, ", ")))
	}
	for _, key := range d.ForeignKeys {
		fmt.Fprintf(text, "Foreign key %s.\n", inText(key))
	}
	for _, kind := range slices.Sorted(maps.Keys(d.Masks)) {
		fmt.Fprintf(text, "Masked by %s: %s.\n", kind, d.Masks[kind])
	}
	for _, policy := range d.RowFilter {
		fmt.Fprintf(text, "Not all rows are shown, because of the policy %q.\n", policy)
	}
	if d.Requestable {
		text.WriteString("You may not read it now.\n")
	}
	if d.HowToAsk != "" {
		fmt.Fprintf(text, "Notice: %s\n", inText(d.HowToAsk))
	}
}

func maskedBy(c tools.ColumnInfo) string {
	switch {
	case c.Mask == "":
		return c.MaskedBy
	case c.Joins != nil && *c.Joins:
		return c.MaskedBy + " (" + c.Mask + ", joins work)"
	}
	return c.MaskedBy + " (" + c.Mask + ")"
}

// labels are those of an enum as SQL writes them.
func labels(c tools.ColumnInfo) string {
	var quoted []string
	for _, l := range c.Labels {
		quoted = append(quoted, "'"+strings.ReplaceAll(l, "'", "''")+"'")
	}
	text := inText(strings.Join(quoted, ", "))
	if c.LabelsLeft > 0 {
		text += fmt.Sprintf(" and %d more", c.LabelsLeft)
	}
	return text
}

// tags are a column's own, and those that a view's column has from the columns that it is made of.
func tags(c tools.ColumnInfo) []string {
	out := slices.Clone(c.Tags)
	for _, tag := range c.Inherited {
		out = append(out, tag+" (inherited)")
	}
	return out
}

// inText is a name as the text has it: as a statement takes it. Where it could be taken for the end of a cell, it is in
// quotes already. A character that no reader sees is written out, and such a name can only be copied from the
// structured copy.
func inText(spelled string) string {
	var out strings.Builder
	for _, r := range spelled {
		if r == '|' || r == '\\' {
			out.WriteRune(r)
		} else {
			out.WriteString(answer.Escape(string(r)))
		}
	}
	return out.String()
}
