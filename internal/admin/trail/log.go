package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"deputy/audit"
	"deputy/audit/backup"
	"deputy/audit/checkpoint"
	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/report"
)

// Log is which audit log a command is about, and whose signature counts on it.
type Log struct {
	Path string                         // empty: the configured one
	Key  string                         // a verifier key; empty: that of the configured private key
	Load func() (*config.Config, error) // reads the configuration
}

// File is the path of the log.
func (l Log) File() (string, error) {
	if l.Path != "" {
		return l.Path, nil
	}
	cfg, err := l.Load()
	if err != nil {
		return "", err
	}
	return cfg.Audit.File, nil
}

// Audited is the path of the log, and the public half of the key that signs it. An auditor who names both needs no
// configuration.
func (l Log) Audited() (path string, v *checkpoint.Verifier, err error) {
	if l.Path != "" && l.Key != "" {
		v, err = Verifier(l.Key)
		return l.Path, v, err
	}
	cfg, err := l.Load()
	if err != nil {
		return "", nil, err
	}
	path = l.Path
	if path == "" {
		path = cfg.Audit.File
	}
	if l.Key != "" {
		v, err = Verifier(l.Key)
		return path, v, err
	}
	key, err := checkpoint.LoadKey(cfg.Audit.Key)
	if err != nil {
		return path, nil, err
	}
	return path, key.Verifier(), nil
}

// Verifier reads a verifier key of the command line.
func Verifier(text string) (*checkpoint.Verifier, error) {
	v, err := checkpoint.ParseVerifier(text)
	if err != nil {
		return nil, admin.Usage(err)
	}
	return v, nil
}

// ErrNotAsWritten is the error of a log that is not what was signed.
var ErrNotAsWritten = errors.New("the audit log is not as it was written")

// Verify holds the whole log against the checkpoints that files keep elsewhere, and counts them. Of a log that is a
// copy, what was written while it was taken may be missing at its end.
func (l Log) Verify(files []string, copied bool) (r *audit.Report, kept int, err error) {
	path, v, err := l.Audited()
	if err != nil {
		return nil, 0, err
	}
	cfg := audit.VerifyConfig{Path: path, Verifier: v}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, 0, err
		}
		kept, err := v.Checkpoints(string(text))
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", file, err)
		}
		cfg.Checkpoints = append(cfg.Checkpoints, kept...)
	}
	r, err = audit.Verify(cfg)
	if err == nil && r.Problem != nil {
		r, err = asCopy(cfg, r, copied)
	}
	return r, len(cfg.Checkpoints), err
}

// ErrTakenInTheMiddle comes with the report of a copy that lacks what was written while it was taken, and is as it was
// written up to there. It is a *TakenInTheMiddle.
var ErrTakenInTheMiddle = errors.New("this is a copy taken in the middle")

// TakenInTheMiddle says of which files of a copy something was left out, in their order. Of the last one that counts
// that is what comes after its last checkpoint; what comes behind it is left out as a whole.
type TakenInTheMiddle struct{ Left []string }

func (e *TakenInTheMiddle) Error() string {
	if len(e.Left) == 0 {
		return ErrTakenInTheMiddle.Error()
	}
	return fmt.Sprintf("%v: left out is what comes later, in %s", ErrTakenInTheMiddle, strings.Join(e.Left, ", "))
}

// Unwrap is ErrTakenInTheMiddle.
func (e *TakenInTheMiddle) Unwrap() error { return ErrTakenInTheMiddle }

// asCopy looks at a log that is not as it was written once more, as at a copy that ends too early.
func asCopy(cfg audit.VerifyConfig, found *audit.Report, copied bool) (*audit.Report, error) {
	var left []string
	var err error
	if cfg.Folder, left, err = backup.Whole(cfg.Path, cfg.Verifier); err != nil {
		return found, ErrNotAsWritten
	}
	r, err := audit.Verify(cfg)
	switch {
	case err != nil || r.Problem != nil:
		return found, ErrNotAsWritten
	case copied:
		return r, &TakenInTheMiddle{left}
	}
	found.Problem.Text += fmt.Sprintf("; the log is as it was signed up to line %d: if this is a copy "+
		"that was taken while Deputy wrote, and nothing else is missing, --copy says so", r.Checkpoint.Size+1)
	return found, ErrNotAsWritten
}

// Copy copies the log into a folder.
func (l Log) Copy(ctx context.Context, dir string, progress func(done, all int64)) (backup.Copied, error) {
	path, err := l.File()
	if err != nil {
		return backup.Copied{}, err
	}
	return backup.Copy(ctx, path, dir, progress)
}

// PrintVerified says what a verification found that ended well.
func PrintVerified(out io.Writer, r *audit.Report, kept int) {
	fmt.Fprintf(out, "OK: %d lines, %d records, %d segments\n", r.Checkpoint.Size+1, r.Records, r.Segments)
	fmt.Fprintf(
		out,
		"root %s of the first %d lines, signed by %s\n",
		r.Checkpoint.Root,
		r.Checkpoint.Size,
		r.Checkpoint.Origin,
	)
	if !r.Time.IsZero() {
		fmt.Fprintf(out, "last record of %s\n", r.Time.UTC().Format(time.RFC3339))
	}
	if r.Retired > 0 {
		fmt.Fprintf(out, "the first %d lines are no longer there: they were deleted for their age\n", r.Retired)
	}
	if r.Adopted > 0 {
		fmt.Fprintf(out, "%d lines are from before the log was signed: they are as they were found then\n", r.Adopted)
	}
	if r.Remains > 0 {
		fmt.Fprintf(out, "%d lines are remains of crashes or failed writes: they do not count\n", r.Remains)
	}
	if kept > 0 {
		fmt.Fprintf(out, "%d of %d checkpoints that were kept elsewhere are of this log\n", kept-r.Uncompared, kept)
	}
	if r.Uncompared > 0 {
		const early = "%d are from before the first line that is still there, and could not be compared\n"
		fmt.Fprintf(out, early, r.Uncompared)
	}
}

// ErrNotProven is the error of a call whose records are not what was signed.
var ErrNotProven = errors.New("the records of this call are not as they were signed: run deputy audit verify")

// Standing proves the records of a call, if there is a key to do it with.
func (l Log) Standing(call audit.Call) (s report.Standing, wrong error) {
	for _, e := range []*audit.Entry{call.Intent, call.Outcome} {
		if e != nil {
			s.Records = append(s.Records, report.At{Phase: e.Phase, Index: e.Index, File: e.Segment})
		}
	}
	path, v, err := l.Audited()
	if err != nil {
		s.Text = "NOT CHECKED whether they are as they were signed: " + err.Error()
		return s, nil
	}
	text, err := audit.Prove(path, call.ID, v)
	var proven *audit.Proven
	if err == nil {
		proven, err = audit.CheckProof(text, v)
	}
	if err == nil {
		err = sameRecords(call, proven)
	}
	if err != nil {
		s.Text = "NOT AS IT WAS SIGNED: " + err.Error()
		return s, ErrNotProven
	}
	s.Proven, s.Signed, s.Root = true, proven.Checkpoint.Size, proven.Checkpoint.Root.String()
	s.Text = fmt.Sprintf(
		"Proven to be in the log that %s signed when it had %d lines (deputy audit prove %s writes the proof)",
		proven.Checkpoint.Origin,
		s.Signed,
		call.ID,
	)
	return s, nil
}

// sameRecords makes sure that what is shown is what was proven.
func sameRecords(call audit.Call, proven *audit.Proven) error {
	for _, e := range []*audit.Entry{call.Intent, call.Outcome} {
		if e == nil {
			continue
		}
		shown, err := json.Marshal(e.Record)
		if err != nil {
			return err
		}
		same := false
		for _, p := range proven.Records {
			signed, err := json.Marshal(p.Record)
			same = same || err == nil && p.Index == e.Index && string(signed) == string(shown)
		}
		if !same {
			return fmt.Errorf("line %d of the log is not the one that was signed", e.Index+1)
		}
	}
	return nil
}
