package durable

import (
	"os"
	"syscall"
	"time"
)

// Changed is when anything of a file was changed last. Unlike the time of its content, no program can set it back.
func Changed(info os.FileInfo) (time.Time, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(s.Ctim.Unix()), true
}
