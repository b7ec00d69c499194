package budget

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

const (
	// unknown is the memory of a process of which no limit is known, as far as a budget is made of it.
	unknown = 1 << 30
	// part of the memory is for what calls allocate. Garbage that is not collected yet takes as much again, and the
	// server itself and SQLite's own memory the rest.
	part = 4
	// heap of ten parts of a container's memory is what Go may use; the rest is for what is not on its heap.
	heap = 9
)

// DefaultSize is the size of the budget, in bytes, of a process whose memory is limited to limit bytes.
// math.MaxInt64 is Go's word for no limit.
func DefaultSize(limit int64) int64 {
	if limit <= 0 || limit == math.MaxInt64 {
		limit = unknown
	}
	return limit / part
}

// ContainerLimit is what Go may use of the memory of the container that the process is in, in bytes: nine tenths of the
// smallest limit of its control groups. Zero: there is none. root is the file system, from its root.
func ContainerLimit(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	for _, file := range limitFiles(root) {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		// "max", and version 1's largest number of pages, are no limits
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < 1<<60 {
			least = min(least, n)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least / 10 * heap
}

// limitFiles are those of the process's control group and of each above it, in both versions.
func limitFiles(root fs.FS) []string {
	const v1, v2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"
	files := []string{v2 + "/memory.max", v1 + "/memory.limit_in_bytes"}
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return files
	}
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(fields) < 3 {
			continue
		}
		for group := path.Clean("/" + fields[2]); group != "/"; group = path.Dir(group) {
			switch {
			case fields[1] == "":
				files = append(files, v2+group+"/memory.max")
			case strings.Contains(fields[1], "memory"):
				files = append(files, v1+group+"/memory.limit_in_bytes")
			}
		}
	}
	return files
}
