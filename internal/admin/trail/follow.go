package trail

import (
	"context"
	"errors"
	"os"
	"time"

	"deputy/audit"
	"deputy/audit/index"
)

// pollEvery is how often a log is looked at that is followed.
const pollEvery = 250 * time.Millisecond

// Follow adds the calls of the log at a path that fit the filter as they end, and ends each round of them, until the
// context does. A log that is sealed and begun anew meanwhile is one log.
func Follow(ctx context.Context, x *index.Index, f index.Filter, path string, add func(audit.Call) error,
	end func() error) error {
	line, err := x.End()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var before os.FileInfo
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) { // between two segments
			continue
		}
		if err != nil {
			return err
		}
		if before != nil && os.SameFile(before, now) && before.Size() == now.Size() {
			continue
		}
		before = now
		if err := x.Refresh(); err != nil {
			return err
		}
		for call, err := range x.Ended(f, line) {
			if err != nil {
				return err
			}
			if err := add(call); err != nil {
				return err
			}
		}
		if err := end(); err != nil {
			return err
		}
		if line, err = x.End(); err != nil {
			return err
		}
	}
}
