package logged

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
)

// statuses are those that the steps end a request with which take away.
var statuses = map[string]requests.Status{
	audit.Revoke: requests.StatusRevoked, audit.Deny: requests.StatusDenied, audit.Cancel: requests.StatusCancelled,
}

// Endings are the requests that the audit log knows as ended, by their ids. A step of which it is not known whether it
// was taken counts as taken: what takes away always works. What ended by its time ends by it again.
func Endings(log string) (map[string]requests.Ending, error) {
	known, begun := map[string]requests.Ending{}, map[string]audit.Record{}
	for e, err := range audit.Records(log) {
		if err != nil {
			return nil, fmt.Errorf("run deputy audit verify first: %w", err)
		}
		if statuses[e.Tool] == "" || e.Request == nil {
			continue
		}
		if e.Phase == audit.Intent {
			begun[e.ID] = e.Record
			continue
		}
		delete(begun, e.ID)
		if e.Outcome == audit.Answered || e.Outcome == audit.Unknown {
			known[e.Request.ID] = endingOf(e.Record)
		}
	}
	for _, r := range begun {
		known[r.Request.ID] = endingOf(r)
	}
	return known, nil
}

// Unfinished are the requests with a step that takes away and that a server left behind when it ended before the step
// did, by their ids: whether it was taken is not known. It reads the active segment of the log, in which recovery has
// just written what it closed. Without a log there is none.
func Unfinished(log string) (map[string]requests.Ending, error) {
	file, err := os.Open(log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	out, lines := map[string]requests.Ending{}, bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(line, unknown) { // the others are many
			continue
		}
		for r, err := range audit.Read(bytes.NewReader(line)) {
			if err == nil && r.Outcome == audit.Unknown && statuses[r.Tool] != "" && r.Request != nil {
				out[r.Request.ID] = endingOf(r)
			}
		}
	}
}

// unknown is in each line of a record with this outcome.
var unknown = []byte(`"outcome":"` + audit.Unknown + `"`)

func endingOf(r audit.Record) requests.Ending {
	out := requests.Ending{
		Status:   statuses[r.Tool],
		Decision: requests.Decision{ID: r.ID, Time: r.Time, Note: r.Request.Note},
	}
	if r.User != nil {
		out.Decision.By = &identity.Person{ID: r.User.ID, Issuer: r.User.Issuer, Name: r.User.Name}
	}
	return out
}
