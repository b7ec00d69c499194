// Package logged is what the audit log knows of the state of access requests.
package logged

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"deputy/audit"
	"deputy/entitlements/requests"
)

// Position is how far the audit log has seen the state of access requests come, by its active segment: a state that has
// come less far was restored from a copy, and servers count nothing of it. Where there is no log, or it is not to be
// read by who runs the command, nothing is known.
func Position(log string) (p requests.Position, err error) {
	file, err := os.Open(log)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer file.Close()
	var before struct{ State *audit.State } // what the segments before this one say
	first, err := bufio.NewReader(file).ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &before) != nil {
		return p, nil // it is for deputy audit verify to say what is wrong with it
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return p, err
	}
	furthest := before.State
	for r, err := range audit.Read(file) {
		if err == nil {
			furthest = furthest.Later(r.State)
		}
	}
	if furthest != nil {
		p = requests.Position{Sequence: furthest.Sequence, Event: furthest.Event}
	}
	return p, nil
}
