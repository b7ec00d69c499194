package answer

// copies are the rows as both copies have them. Rows are encoded once: when the answer is made within its limits, or
// else when a copy is asked for.
type copies struct {
	structured []byte // the rows, with commas between them
	text       []byte // the lines
}

// add puts a row at the end of both copies.
func (c *copies) add(row []any) {
	if len(c.structured) > 0 {
		c.structured = append(c.structured, ',')
	}
	c.structured = appendRow(c.structured, row)
	c.text = appendLine(c.text, row)
}

func (a *Answer) copies() copies {
	if a.made.structured == nil {
		for _, row := range a.Rows {
			a.made.add(row)
		}
	}
	return a.made
}
