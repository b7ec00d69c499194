package budget

import (
	"math"
	"os"
	"runtime/debug"
)

// LimitProcess tells Go how much memory the process may use, where its container says so and GOMEMLIMIT does not: the
// garbage collector then works harder before the kernel ends the process. It returns the limit in bytes, zero when none
// was set by it.
func LimitProcess() int64 {
	limit := ContainerLimit(os.DirFS("/"))
	if limit == 0 || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return 0
	}
	debug.SetMemoryLimit(limit)
	return limit
}

// ProcessSize is the DefaultSize of this process.
func ProcessSize() int64 { return DefaultSize(debug.SetMemoryLimit(-1)) }
