package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is a Merkle tree (RFC 6962) over the lines of the log, reduced to what it takes to add more: the roots of its
// complete subtrees, largest first. A million lines are twenty hashes.
type tree struct {
	size int64
	left []tlog.Hash
}

// add appends a leaf.
func (t *tree) add(leaf tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.left) - 1
		leaf = tlog.NodeHash(t.left[last], leaf)
		t.left = t.left[:last]
	}
	t.left = append(t.left, leaf)
	t.size++
}

// with is a tree of its own that has these leaves more.
func (t tree) with(leaves []tlog.Hash) tree {
	t.left = slices.Clone(t.left)
	for _, leaf := range leaves {
		t.add(leaf)
	}
	return t
}

func (t tree) root() tlog.Hash {
	if t.size == 0 {
		return tlog.Hash{}
	}
	root := t.left[len(t.left)-1]
	for _, left := range slices.Backward(t.left[:len(t.left)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

func (t tree) equal(other tree) bool { return t.size == other.size && slices.Equal(t.left, other.left) }

// leafHash is the leaf of one line, which comes without its newline.
func leafHash(line []byte) tlog.Hash { return tlog.RecordHash(line) }
