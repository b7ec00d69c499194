package pgconn

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"syscall"
)

// configurationFolder is where libpq looks for the user's certificates; empty where there is no such folder.
func configurationFolder() string {
	if runtime.GOOS == "windows" {
		if data := os.Getenv("APPDATA"); data != "" {
			return filepath.Join(data, "postgresql")
		}
		return ""
	}
	home, _ := os.UserHomeDir()
	if home == "" {
		u, err := user.Current()
		if err != nil {
			return ""
		}
		home = u.HomeDir
	}
	return filepath.Join(home, ".postgresql")
}

// isAbsent tells a file that is not there; os.ErrNotExist leaves out a path that goes through a file.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR)
}
