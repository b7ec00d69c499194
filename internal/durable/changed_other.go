//go:build !linux

package durable

import (
	"os"
	"time"
)

// Changed is not known here.
func Changed(os.FileInfo) (time.Time, bool) { return time.Time{}, false }
