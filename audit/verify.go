package audit

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// Verify checks every line of a log. The error is about the reading; what is wrong with the log is in the report.
//
// A signature on the last checkpoint is one on everything before it, so the first walk checks that one. Only when
// something does not fit, a second walk checks each, to say where it begins.
func Verify(cfg VerifyConfig) (*Report, error) {
	if cfg.Folder == nil {
		cfg.Folder = segments.NewFolder(cfg.Path)
	}
	s, err := takeSnapshot(cfg.Folder, filepath.Base(cfg.Path))
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer s.close()
	report, err := verify(cfg, s, anyone)
	if err == nil && report.Problem != nil {
		report, err = verify(cfg, s, trustedBy(cfg.Verifier))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return report, nil
}

// verification is one walk.
type verification struct {
	VerifyConfig
	*snapshot
	trusts func(checkpoint.Checkpoint) bool
	chain  *chain
	report *Report
	firsts []int64 // index of the first line of each segment so far
	head   checkpoint.Checkpoint
	met    map[int64]checkpoint.Checkpoint // checkpoints of the log that are asked about

	suspect *Problem // of a checkpoint that does not fit; forgiven when a later one signs it as remains
	at      int64    // its index
	joined  []joined
	remains [2]int64 // the lines that the last mark of that kind was about
	retired int64
	recent  int64 // records since the last checkpoint
	retires int64 // what a mark since then says of lines before it
	// a mark since then that is about the wrong lines; forgiven when a later one says that it does not count
	unfit  *Problem
	record []byte // the last
	torn   bool
}

// joined is a line with a checkpoint in it that does not begin it.
type joined struct {
	index int64
	mark  *mark
}

func verify(cfg VerifyConfig, s *snapshot, trusts func(checkpoint.Checkpoint) bool) (*Report, error) {
	v := &verification{
		VerifyConfig: cfg,
		snapshot:     s,
		trusts:       trusts,
		report:       &Report{Segments: len(s.segments)},
		chain:        &chain{blind: true},
		met:          map[int64]checkpoint.Checkpoint{},
	}
	for _, c := range cfg.Checkpoints {
		v.met[c.Size] = checkpoint.Checkpoint{}
	}
	problem, err := v.walk()
	if err != nil {
		return nil, err
	}
	r := v.report
	r.Problem, r.Checkpoint = problem, v.chain.last
	if last, err := decode(v.record); err == nil {
		r.Time = last.Time
	}
	return r, nil
}

func (v *verification) walk() (*Problem, error) {
	var headless error
	if v.snapshot.head != nil {
		if v.head, _, headless = readHead(v.snapshot.head, v.Verifier); headless != nil &&
			!errors.Is(headless, errHeadDamaged) {
			return nil, headless
		}
		v.met[v.head.Size] = checkpoint.Checkpoint{}
	}
	for i, segment := range v.segments {
		problem, err := v.segment(i, segment)
		if err != nil || problem != nil {
			return problem, err
		}
	}
	return v.end(headless), nil
}

func (v *verification) segment(i int, s openSegment) (*Problem, error) {
	if s.name != v.segments[len(v.segments)-1].name || s.name != filepath.Base(v.Path) { // sealed
		if i == len(v.segments)-1 {
			return v.inFile(s.name, 1, "", "it is sealed, and the segment after it is missing"), nil
		}
	}
	v.firsts = append(v.firsts, v.chain.size())
	number := 0
	for line, err := range linesOf(s.reader()) {
		if err != nil {
			return nil, err
		}
		if number++; number == 1 {
			if p := v.begin(i, s, line.text); p != nil {
				return p, nil
			}
		}
		if p := v.line(line); p != nil {
			return p, nil
		}
	}
	if number == 0 && i > 0 {
		return v.inFile(s.name, 1, "", "the file is empty"), nil
	}
	return nil, nil
}

// begin checks that a segment goes on where the one before it ended.
func (v *verification) begin(i int, s openSegment, first []byte) *Problem {
	m := parseMark(first)
	if m == nil || m.Kind != segmentMark {
		// from before there were such lines
		if i == 0 && (s.name == filepath.Base(v.Path) || s.name == segments.SealedName(filepath.Base(v.Path), 0)) {
			return nil
		}
		return v.inFile(s.name, 1, "", "this should be the line that begins a segment: it is missing, or was changed")
	}
	next, err := resume(m)
	switch {
	case err != nil:
		return v.inFile(s.name, 1, "", "the line that begins the segment was changed: it does not fit itself")
	case m.First == 0:
		if i > 0 {
			return v.inFile(s.name, 1, "", "the log begins anew here: its segments are of two logs, or this line was changed")
		}
		return nil
	case !v.trusts(next.last):
		return v.inFile(s.name, 1, "", v.signatureOf(m))
	case s.name != filepath.Base(v.Path) && s.name != segments.SealedName(filepath.Base(v.Path), m.First):
		return v.inFile(
			s.name,
			1,
			"",
			fmt.Sprintf("the file should have the name %s", segments.SealedName(filepath.Base(v.Path), m.First)),
		)
	}
	if i == 0 {
		next.blind = true
		v.chain, v.firsts[0], v.report.Retired = next, m.First, m.First
		v.meet(next.last)
		return nil
	}
	c := v.chain
	fits := c.signed.Equal(next.signed) && slices.Equal(c.pending, next.pending) && c.last == next.last
	switch {
	case fits:
		return nil
	case v.suspect != nil:
		return v.suspect
	case c.signed.Equal(next.signed) && len(c.pending) == 1:
		return v.inFile(s.name, 1, "", "the line that begins the segment was changed: it does not fit the segment before it")
	}
	v.firsts = v.firsts[:i] // what is wrong is before this segment
	return v.missing(next.last)
}

// line walks one line.
func (v *verification) line(l physicalLine) *Problem {
	v.torn = !l.whole
	if !l.whole {
		v.chain.addOther(l.text)
		return nil
	}
	index := v.chain.size()
	m, fits := v.chain.add(l.text, v.trusts)
	switch {
	case m == nil:
		if len(bytes.TrimSpace(l.text)) > 0 {
			v.recent++
			v.record = append(v.record[:0], l.text...)
		}
		if at := bytes.LastIndex(l.text, []byte(markPrefix)); at > 0 {
			if inner := parseMark(l.text[at:]); inner != nil && inner.Kind == checkpointMark {
				v.joined = append(v.joined, joined{index, inner})
			}
		}
	case m.Kind == remainsMark && v.chain.last.Size > 0 && v.chain.signed.Size+1+int64(m.Lines) == index:
		v.remains = [2]int64{index - int64(m.Lines), index}
		v.recent, v.retires, v.unfit = 0, 0, nil
	case m.Kind == remainsMark && v.unfit == nil:
		v.unfit = v.problem(
			index,
			"this line says of others that they do not count, and not of all since the last checkpoint: somebody added it",
		)
	case m.Kind == adoptedMark && int64(m.Lines) == index && v.chain.last.Size == 0:
		v.report.Adopted, v.retires, v.unfit = index, 0, nil
	case m.Kind == retiredMark:
		v.retires = max(v.retires, m.Before)
	case fits:
		v.report.Records += v.recent
		v.retired = max(v.retired, v.retires)
		v.joined, v.recent, v.retires = nil, 0, 0
		if v.suspect != nil && (v.at < v.remains[0] || v.at >= v.remains[1]) {
			return v.suspect
		}
		if v.unfit != nil {
			return v.unfit
		}
		v.report.Remains += v.remains[1] - v.remains[0]
		v.suspect, v.remains = nil, [2]int64{}
		v.meet(v.chain.last)
	case m.Kind == checkpointMark && v.suspect == nil:
		v.suspect, v.at = v.explain(m, index), index
	}
	return nil
}

func (v *verification) meet(c checkpoint.Checkpoint) {
	if _, asked := v.met[c.Size]; asked {
		v.met[c.Size] = c
	}
}

// end checks what only the end can tell: that nothing is missing there, and that the log is the one others have
// checkpoints of.
func (v *verification) end(headless error) *Problem {
	c := v.chain
	beyond := c.signed.Size + 1 // the first line that the last checkpoint and its own line leave
	switch {
	case v.suspect != nil:
		return v.suspect
	case headless != nil:
		return v.inFile(
			filepath.Base(v.Path)+segments.HeadSuffix,
			1,
			"",
			headless.Error()+": whether the log was cut short cannot be told",
		)
	case v.head.Size > c.last.Size:
		return v.missing(v.head)
	case c.last.Size == 0:
		return v.at0(
			"nothing is signed: the log is from before there were signatures, or its checkpoints were deleted (the next start of deputy begins to sign)",
		)
	case len(c.pending) > 1 && v.unjoin() != nil:
		return v.unjoin()
	case len(c.pending) > 1 && v.torn && len(c.pending) == 2:
		return v.problem(
			beyond,
			"the line is torn: a crash left it, or somebody added it (the next start of deputy says which lines do not count)",
		)
	case len(c.pending) > 1:
		return v.problem(
			beyond,
			fmt.Sprintf(
				"nobody signed this line and %d after it: a crash left them, or somebody added them (the next start of deputy says which lines do not count)",
				len(c.pending)-2,
			),
		)
	case !v.trusts(c.last) || !trustedBy(v.Verifier)(c.last):
		return v.problem(c.last.Size, v.signatureOf(&mark{Note: c.last.Note}))
	case v.report.Retired > v.retired:
		return v.problem(
			v.report.Retired,
			fmt.Sprintf(
				"the %d lines before this one are missing, and the log does not say that they were deleted for their age",
				v.report.Retired,
			),
		)
	case v.head.Size == 0 && (c.signs > 1 || v.report.Retired > 0):
		return v.inFile(
			filepath.Base(v.Path)+segments.HeadSuffix,
			1,
			"",
			"the head file is missing or empty: whether the log was cut short cannot be told",
		)
	}
	for _, known := range append(slices.Clone(v.Checkpoints), v.head) {
		if p := v.compare(known); p != nil {
			return p
		}
	}
	return nil
}

// compare checks that a checkpoint which was kept elsewhere is one of the log's.
func (v *verification) compare(known checkpoint.Checkpoint) *Problem {
	own := v.met[known.Size]
	switch {
	case known.Size == 0 || own.Root == known.Root && own.Origin == known.Origin:
		return nil
	case known.Size+1 < v.report.Retired:
		if known != v.head {
			v.report.Uncompared++
		}
		return nil
	case known.Size > v.chain.last.Size:
		return v.missing(known)
	}
	return v.problem(
		known.Size,
		fmt.Sprintf(
			"the log was rewritten: a checkpoint that was kept elsewhere says that its first %d lines were others",
			known.Size,
		),
	)
}

func (v *verification) signatureOf(m *mark) string {
	_, err := v.Verifier.Open(m.Note)
	if err == nil {
		err = checkpoint.ErrSignature
	}
	return fmt.Sprintf("%v: the checkpoint is not by the key %s", err, v.Verifier.Name())
}

func root(t checkpoint.Tree, more []tlog.Hash) tlog.Hash { return t.With(more).Root() }
