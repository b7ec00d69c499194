package audit

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
)

// explain says which line is the reason that a checkpoint, which stands at index, does not fit.
func (v *verification) explain(m *mark, index int64) *Problem {
	cp, err := checkpoint.Parse(m.Note)
	if err != nil {
		return v.problem(index, "the checkpoint was changed")
	}
	if !v.trusts(cp) {
		return v.problem(index, v.signatureOf(m))
	}
	lines := v.chain.pending[:index-v.chain.signed.Size]
	from := cp.Size - int64(len(m.Leaves))
	switch {
	case cp.Size <= v.chain.signed.Size:
		return v.problem(index, fmt.Sprintf("a line was inserted: the checkpoint belongs after line %d of the log", cp.Size))
	case v.chain.signed.Size+int64(len(lines)) < from:
		return v.problem(
			index,
			fmt.Sprintf(
				"the checkpoint of %d lines stands after %d: lines before it are missing, or it was put here",
				cp.Size,
				index,
			),
		)
	}
	if root(v.chain.signed, lines) == cp.Root { // so what was signed is there, and what was not, the leaves, differs
		return v.problem(index, "the checkpoint was changed")
	}
	if p := v.against(m, cp, lines); p != nil {
		return p
	}
	return v.within(cp.Size)
}

// against compares lines with the leaves of a checkpoint, if the checkpoint's own root shows that those are true.
func (v *verification) against(m *mark, cp checkpoint.Checkpoint, lines []tlog.Hash) *Problem {
	before := v.chain.signed
	// lines of a batch whose checkpoint is not to be recognised any more
	lead := cp.Size - int64(len(m.Leaves)) - before.Size
	if lead < 0 || lead > int64(len(lines)) || len(m.Leaves) == 0 {
		return nil
	}
	if root(before.With(lines[:lead]), m.Leaves) != cp.Root {
		return nil
	}
	at, what := difference(lines[lead:], m.Leaves)
	if what == "" {
		return v.problem(cp.Size, "the checkpoint was changed")
	}
	return v.problem(before.Size+lead+int64(at), what)
}

// difference is the first line that is not what it was.
func difference(is, was []tlog.Hash) (at int, what string) {
	for at < len(is) && at < len(was) && is[at] == was[at] {
		at++
	}
	is, was = is[at:], was[at:]
	const changed = "the line was changed"
	switch {
	case len(is) == 0 && len(was) == 0:
		return at, ""
	case len(is) == 0:
		return at, "a line was deleted here"
	case len(was) == 0:
		return at, "a line was inserted"
	case len(is) < len(was):
		if is[0] == was[1] {
			return at, "a line was deleted before this one"
		}
	case len(is) > len(was):
		if is[1] == was[0] {
			return at, "a line was inserted"
		}
	default:
		if other := slices.Index(is, was[0]); other > 0 && is[0] == was[other] {
			return at, fmt.Sprintf("the line was swapped with the one %d lines further on", other)
		}
	}
	return at, changed
}

// missing says what became of a checkpoint that is known to have been in the log, and is not there.
func (v *verification) missing(cp checkpoint.Checkpoint) *Problem {
	c := v.chain
	if c.last == cp {
		return v.problem(cp.Size+1, "a line was inserted")
	}
	lead := cp.Size - c.signed.Size
	if lead >= 0 && lead <= int64(len(c.pending)) && root(c.signed, c.pending[:lead]) == cp.Root {
		if lead == int64(len(c.pending)) {
			return v.problem(max(cp.Size-1, 0), "the log was truncated after this line: the checkpoint that followed is missing")
		}
		if v.torn && lead == int64(len(c.pending))-1 {
			return v.problem(cp.Size, "the log was truncated: the checkpoint has no end")
		}
		return v.problem(cp.Size, "the checkpoint was changed")
	}
	if p := v.unjoin(); p != nil {
		return p
	}
	if c.size() <= cp.Size {
		return v.problem(
			max(c.size()-1, 0),
			fmt.Sprintf("the log was truncated after this line: %d lines are known to have followed", cp.Size+1-c.size()),
		)
	}
	return v.within(cp.Size)
}

// unjoin finds the line whose newline is gone, so that it swallowed the checkpoint after it.
func (v *verification) unjoin() *Problem {
	for _, j := range v.joined {
		cp, err := checkpoint.Parse(j.mark.Note)
		if err != nil || !trustedBy(v.Verifier)(cp) {
			continue
		}
		if p := v.against(j.mark, cp, v.chain.pending[:j.index+1-v.chain.signed.Size]); p != nil {
			return p
		}
	}
	return nil
}

// within is for what cannot be told more closely.
func (v *verification) within(size int64) *Problem {
	if p := v.unjoin(); p != nil {
		return p
	}
	first := v.chain.signed.Size + int64(min(len(v.chain.pending)-1, 1))
	return v.problem(first, fmt.Sprintf("this line or one of the %d after it is not as it was", max(size-first, 0)))
}

// problem places a problem at a line of the log.
func (v *verification) problem(index int64, text string) *Problem {
	i := len(v.firsts) - 1
	for i > 0 && v.firsts[i] > index {
		i--
	}
	line := int(index-v.firsts[i]) + 1
	return v.inFile(v.segments[i].name, line, v.idAt(i, line), text)
}

func (v *verification) at0(text string) *Problem { return v.problem(v.firsts[0], text) }

func (v *verification) inFile(name string, line int, id, text string) *Problem {
	p := &Problem{File: name, Line: line, ID: id, Text: text, Index: -1}
	for i, s := range v.segments {
		if s.name == name && i < len(v.firsts) {
			p.Index = v.firsts[i] + int64(line) - 1
		}
	}
	return p
}

// idAt is the id of the record in a line, if one is there.
func (v *verification) idAt(segment, line int) string {
	number := 0
	for l, err := range linesOf(v.segments[segment].reader()) {
		if err != nil {
			return ""
		}
		if number++; number == line {
			r, _ := decode(l.text)
			return r.ID
		}
	}
	return ""
}
