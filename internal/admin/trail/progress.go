package trail

import (
	"fmt"
	"io"
	"time"
)

// progressEvery is how often a person is told how far a copy has come.
const progressEvery = time.Second

// Progress tells a person how far a copy has come, if it takes longer than a moment.
func Progress(out io.Writer) func(done, all int64) {
	last := time.Now()
	return func(done, all int64) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			fmt.Fprintf(out, "%d of %d MiB are copied\n", done>>20, all>>20)
		}
	}
}
