package draft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Write writes the draft into a file that is not there yet, not even as a link.
func (d *Draft) Write(path string) error {
	//nolint:gosec // G302: a draft has no secret, and whoever reviews it may read it
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file with --out", path)
	}
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = f.WriteString(d.YAML())
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
