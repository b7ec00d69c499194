//go:build unix

package signin

import (
	"os"
	"syscall"
)

// own reports whether a file belongs to the user that this process runs as.
func own(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
