// Package checkpoint says what the first lines of a log are: the Merkle tree over them, its signed root, and the key
// that signs it. An auditor who keeps one elsewhere can tell later whether the log is still the one that it was.
package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what the log's first Size lines are, by the root of the Merkle tree over them. Its text is a signed
// note whose body is that of C2SP's tlog-checkpoint: origin, size, root.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   string
}

// What can be wrong with a checkpoint.
var (
	ErrNoCheckpoint = errors.New("not a checkpoint")
	ErrForeignKey   = errors.New("signed by another key")
	ErrSignature    = errors.New("the signature does not fit")
)

func body(origin string, size int64, root tlog.Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
}

// Sign makes the checkpoint of a tree.
func (k *Key) Sign(t Tree) (Checkpoint, error) {
	c := Checkpoint{Origin: k.signer.Name(), Size: t.Size, Root: t.Root()}
	signed, err := note.Sign(&note.Note{Text: body(c.Origin, c.Size, c.Root)}, k.signer)
	c.Note = string(signed)
	return c, err
}

// Parse reads a checkpoint without a look at its signature.
func Parse(text string) (Checkpoint, error) {
	lines := strings.SplitAfterN(text, "\n", 5)
	if len(lines) < 5 || lines[3] != "\n" {
		return Checkpoint{}, ErrNoCheckpoint
	}
	size, err := strconv.ParseInt(strings.TrimSuffix(lines[1], "\n"), 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, ErrNoCheckpoint
	}
	root, err := tlog.ParseHash(strings.TrimSuffix(lines[2], "\n"))
	if err != nil {
		return Checkpoint{}, ErrNoCheckpoint
	}
	c := Checkpoint{Origin: strings.TrimSuffix(lines[0], "\n"), Size: size, Root: root, Note: text}
	if body(c.Origin, c.Size, c.Root) != strings.Join(lines[:3], "") { // one way to write it, and no other
		return Checkpoint{}, ErrNoCheckpoint
	}
	return c, nil
}

// Open reads a checkpoint and checks that it has the key's signature, and no other.
func (v *Verifier) Open(text string) (Checkpoint, error) {
	c, err := Parse(text)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := note.Open([]byte(text), note.VerifierList(v.note))
	var foreign *note.UnverifiedNoteError
	switch {
	case errors.As(err, &foreign):
		return Checkpoint{}, ErrForeignKey
	case err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 || c.Origin != v.note.Name():
		return Checkpoint{}, ErrSignature
	}
	// The note package lets the last character of a signature be one of several.
	if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64); err != nil {
		return Checkpoint{}, ErrSignature
	}
	return c, nil
}

// Checkpoints reads the checkpoints that were pushed to a file, one after the other, and checks each.
func (v *Verifier) Checkpoints(text string) ([]Checkpoint, error) {
	var out []Checkpoint
	var current strings.Builder
	signed := false
	end := func() error {
		c, err := v.Open(current.String())
		if err != nil {
			return fmt.Errorf("checkpoint %d: %w", len(out)+1, err)
		}
		out = append(out, c)
		current.Reset()
		signed = false
		return nil
	}
	for line := range strings.Lines(text) {
		signature := strings.HasPrefix(line, "— ")
		if signed && !signature {
			if err := end(); err != nil {
				return nil, err
			}
		}
		if line == "\n" && current.Len() == 0 { // between two
			continue
		}
		current.WriteString(line)
		signed = signature
	}
	if current.Len() > 0 {
		if err := end(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
