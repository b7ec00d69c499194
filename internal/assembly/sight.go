package assembly

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"deputy/internal/durable"
)

const (
	still     = 50 * time.Millisecond // how long files must not have changed before they are read
	abandoned = 2 * time.Second       // and how long when somebody has one of them open for writing
	patience  = 5 * time.Second       // with files that do not stop changing
)

// sight is how files look from the outside. Links are followed, so that a ConfigMap, which is replaced by turning a
// link, is seen.
type sight struct {
	files []string
	infos []os.FileInfo // nil: there is no such file, or it cannot be looked at
}

func look(files []string) sight {
	s := sight{files: files, infos: make([]os.FileInfo, len(files))}
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			s.infos[i] = info
		}
	}
	return s
}

// same reports whether the files are the same ones and look the same. The time of their content alone would not tell:
// programs that unpack or copy files set it to what it was elsewhere.
func (s sight) same(other sight) bool {
	return slices.Equal(s.files, other.files) && slices.EqualFunc(s.infos, other.infos, func(a, b os.FileInfo) bool {
		if a == nil || b == nil {
			return a == nil && b == nil
		}
		at, _ := durable.Changed(a)
		now, _ := durable.Changed(b)
		return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && at.Equal(now)
	})
}

// settle waits until the files have not changed for a moment, and nobody is about to write more.
func settle(ctx context.Context, files []string) (sight, error) {
	last := look(files)
	start := time.Now()
	for changed := start; len(files) > 0; {
		select {
		case <-time.After(still):
		case <-ctx.Done():
			return last, ctx.Err()
		}
		now := look(files)
		switch unchanged := now.same(last); {
		case unchanged && (!slices.ContainsFunc(files, beingWritten) || time.Since(changed) > abandoned):
			return now, nil
		case !unchanged && time.Since(start) > patience:
			return now, errors.New("the configuration does not stop changing: it is read when it has been still for a moment")
		case !unchanged:
			last, changed = now, time.Now()
		}
	}
	return last, nil
}
