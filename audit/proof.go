package audit

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// A proof is text: its first line, then for each record of a call the line as it is in the log, its index, and the
// hashes that lead from it to the root; then an empty line and the checkpoint that has this root.
//
//	deputy audit proof v1
//	record {"id":"k3v9x2",…}
//	index 17
//	hash 3fAu…=
//	hash …
//
//	deputy-audit/host
//	42
//	…
const proofHeader = "deputy audit proof v1\n"

// Prove writes a proof that the records of one call are in the log. It is checked with the verifier key alone.
func Prove(path, id string, v *checkpoint.Verifier) (string, error) {
	s, err := takeSnapshot(segments.NewFolder(path), filepath.Base(path))
	if err != nil {
		return "", fmt.Errorf("reading the audit log: %w", err)
	}
	defer s.close()
	p := &prover{id: id, hashes: hashes{}, verifier: v}
	for _, segment := range s.segments {
		if err := p.walk(segment); err != nil {
			return "", fmt.Errorf("reading the audit log: %w", err)
		}
	}
	return p.text()
}

// hashes are the parts of the tree that are known, by their index in tlog's order.
type hashes map[int64]tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		hash, known := h[at]
		if !known {
			return nil, errors.New("a part of the log that is needed is no longer there")
		}
		out[i] = hash
	}
	return out, nil
}

// start puts in the complete subtrees of a tree.
func (h hashes) start(t checkpoint.Tree) {
	var at int64
	for _, hash := range t.Left {
		level := 0
		for int64(2)<<level <= t.Size-at {
			level++
		}
		h[tlog.StoredHashIndex(level, at>>level)] = hash
		at += 1 << level
	}
}

func (h hashes) add(index int64, leaf tlog.Hash) error {
	more, err := tlog.StoredHashesForRecordHash(index, leaf, h)
	if err != nil {
		return err
	}
	at := tlog.StoredHashIndex(0, index)
	for i, hash := range more {
		h[at+int64(i)] = hash
	}
	return nil
}

// prover walks the log and keeps the tree and what it is asked about.
type prover struct {
	id       string
	verifier *checkpoint.Verifier
	hashes   hashes
	size     int64
	last     checkpoint.Checkpoint
	found    []provenLine
}

type provenLine struct {
	index int64
	text  string
}

func (p *prover) walk(s openSegment) error {
	remains, err := remainsIn(s.reader())
	if err != nil {
		return err
	}
	number := 0
	for line, err := range linesOf(s.reader()) {
		if err != nil {
			return err
		}
		m := parseMark(line.text)
		if number++; number == 1 && p.size == 0 && m != nil && m.Kind == segmentMark && m.First > 0 {
			before, err := resume(m)
			if err != nil {
				return err
			}
			p.hashes.start(before.signed)
			if err := p.hashes.add(before.signed.Size, *m.Leaf); err != nil {
				return err
			}
			p.size, p.last = m.First, before.last
		}
		switch {
		// does not count
		case slices.ContainsFunc(remains, func(s stretch) bool { return s.from <= number && number < s.to }):
		case m != nil && m.Kind == checkpointMark:
			if c, err := checkpoint.Parse(m.Note); err == nil && c.Size == p.size {
				p.last = c
			}
		case m == nil && bytes.Contains(line.text, []byte(`"`+p.id+`"`)):
			if r, err := decode(line.text); err == nil && r.ID == p.id {
				p.found = append(p.found, provenLine{p.size, string(line.text)})
			}
		}
		if err := p.hashes.add(p.size, line.hash()); err != nil {
			return err
		}
		p.size++
	}
	return nil
}

func (p *prover) text() (string, error) {
	found := slices.DeleteFunc(p.found, func(l provenLine) bool { return l.index >= p.last.Size })
	if len(found) == 0 {
		return "", fmt.Errorf("there is no signed record with the id %q in the log", p.id)
	}
	if _, err := p.verifier.Open(p.last.Note); err != nil {
		return "", fmt.Errorf("the last checkpoint of the log: %w: run deputy audit verify", err)
	}
	var b strings.Builder
	b.WriteString(proofHeader)
	for _, line := range found {
		proof, err := tlog.ProveRecord(p.last.Size, line.index, p.hashes)
		if err != nil {
			return "", err
		}
		leaf := checkpoint.LeafHash([]byte(line.text))
		if err := tlog.CheckRecord(proof, p.last.Size, p.last.Root, line.index, leaf); err != nil {
			return "", errors.New("the log is not what its last checkpoint signs: run deputy audit verify")
		}
		fmt.Fprintf(&b, "record %s\nindex %d\n", line.text, line.index)
		for _, hash := range proof {
			fmt.Fprintf(&b, "hash %s\n", hash)
		}
	}
	return b.String() + "\n" + p.last.Note, nil
}

// Proven is what a proof proves.
type Proven struct {
	Records    []Entry // with their index only
	Checkpoint checkpoint.Checkpoint
}

var errProof = errors.New("not a proof as deputy audit prove writes it")

// CheckProof checks a proof with nothing but the verifier key.
func CheckProof(text string, v *checkpoint.Verifier) (*Proven, error) {
	text, found := strings.CutPrefix(text, proofHeader)
	lines, signed, both := strings.Cut(text, "\n\n")
	if !found || !both {
		return nil, errProof
	}
	c, err := v.Open(signed)
	if err != nil {
		return nil, fmt.Errorf("the proof's checkpoint: %w", err)
	}
	out := &Proven{Checkpoint: c}
	for _, block := range strings.Split("\n"+lines, "\nrecord ")[1:] {
		e, err := checkRecord(block, c)
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, e)
	}
	if len(out.Records) == 0 || !strings.HasPrefix(lines, "record ") {
		return nil, errProof
	}
	for _, e := range out.Records {
		if e.ID != out.Records[0].ID {
			return nil, errProof
		}
	}
	return out, nil
}

func checkRecord(block string, c checkpoint.Checkpoint) (Entry, error) {
	lines := strings.Split(block, "\n")
	if len(lines) < 2 {
		return Entry{}, errProof
	}
	r, err := decode([]byte(lines[0]))
	if err != nil {
		return Entry{}, errProof
	}
	digits, ok := strings.CutPrefix(lines[1], "index ")
	index, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || strconv.FormatInt(index, 10) != digits {
		return Entry{}, errProof
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		text, ok := strings.CutPrefix(line, "hash ")
		hash, err := tlog.ParseHash(text)
		if !ok || err != nil || hash.String() != text {
			return Entry{}, errProof
		}
		proof = append(proof, hash)
	}
	if index < 0 || index >= c.Size ||
		tlog.CheckRecord(proof, c.Size, c.Root, index, checkpoint.LeafHash([]byte(lines[0]))) != nil {
		return Entry{}, fmt.Errorf("record %s is not in the log that the checkpoint signs", r.ID)
	}
	return Entry{Record: r, Index: index}, nil
}
