package checkpoint

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is a Merkle tree (RFC 6962) over the lines of the log, reduced to what it takes to add more: the roots of its
// complete subtrees, largest first. A million lines are twenty hashes.
type Tree struct {
	Size int64
	Left []tlog.Hash
}

// Add appends a leaf.
func (t *Tree) Add(leaf tlog.Hash) {
	for n := t.Size; n&1 == 1; n >>= 1 {
		last := len(t.Left) - 1
		leaf = tlog.NodeHash(t.Left[last], leaf)
		t.Left = t.Left[:last]
	}
	t.Left = append(t.Left, leaf)
	t.Size++
}

// With is a tree of its own that has these leaves more.
func (t Tree) With(leaves []tlog.Hash) Tree {
	t.Left = slices.Clone(t.Left)
	for _, leaf := range leaves {
		t.Add(leaf)
	}
	return t
}

// Root is the root over all leaves; without leaves it is zero.
func (t Tree) Root() tlog.Hash {
	if t.Size == 0 {
		return tlog.Hash{}
	}
	root := t.Left[len(t.Left)-1]
	for _, left := range slices.Backward(t.Left[:len(t.Left)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// Equal reports whether both trees have the same leaves.
func (t Tree) Equal(other Tree) bool { return t.Size == other.Size && slices.Equal(t.Left, other.Left) }

// LeafHash is the leaf of one line, which comes without its newline.
func LeafHash(line []byte) tlog.Hash { return tlog.RecordHash(line) }
