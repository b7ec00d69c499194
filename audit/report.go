package audit

import (
	"fmt"
	"time"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// VerifyConfig says which log is verified, and against what.
type VerifyConfig struct {
	Path        string
	Folder      segments.Folder // default: the one at Path
	Verifier    *checkpoint.Verifier
	Checkpoints []checkpoint.Checkpoint // that were kept elsewhere: each must be of an earlier state of this log
}

// Report is what a verification found.
type Report struct {
	Problem *Problem // the first thing that is wrong; nil: every byte is as it was signed

	Checkpoint checkpoint.Checkpoint // the last one
	Time       time.Time             // of the last record
	Records    int64
	Segments   int
	Retired    int64 // lines before this index are no longer there, and the log says why
	Remains    int64 // lines that a crash or a failed write left; they are there, signed as such, and do not count
	Adopted    int64 // lines from before the log was signed
	Uncompared int   // of Checkpoints: those from before the first line that is still there
}

// Problem is the first thing that is wrong with a log.
type Problem struct {
	File  string
	Line  int    // from 1
	Index int64  // of the line in the whole log
	ID    string // of the record that stands there now, if one does
	Text  string
}

func (p *Problem) Error() string {
	where := fmt.Sprintf("%s, line %d", p.File, p.Line)
	if p.ID != "" {
		where += ", record " + shorten(plain(p.ID)) // whoever changed the line has chosen it
	}
	return where + ": " + p.Text
}
