package checkpoint

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"

	"deputy/internal/durable"
)

// maxKeyName keeps a checkpoint within its place in the head file of a log.
const maxKeyName = 100

// Key signs the log's checkpoints. It is an Ed25519 key in the form of golang.org/x/mod/sumdb/note.
type Key struct {
	signer   note.Signer
	verifier *Verifier
}

// Verifier is the public half of the key: it knows the log's checkpoints from others.
type Verifier struct {
	note note.Verifier
	text string
}

// String is the verifier key as it is given to others: name, hash and public key, joined by plus signs.
func (v *Verifier) String() string { return v.text }

// Name is the origin of the checkpoints that the key signs.
func (v *Verifier) Name() string { return v.note.Name() }

// Verifier is the public half.
func (k *Key) Verifier() *Verifier { return k.verifier }

// ParseVerifier reads a verifier key, as deputy audit key prints it.
func ParseVerifier(text string) (*Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf(
			"reading the verifier key: %w: it looks like NAME+01234567+A…, deputy audit key prints it",
			err,
		)
	}
	return &Verifier{v, strings.TrimSpace(text)}, nil
}

// NewKey makes a key. The name goes into every checkpoint and tells the log from others; it has no space and no plus
// sign.
func NewKey(name string) (*Key, error) {
	text, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("making an audit key: %w", err)
	}
	return parseKey(text)
}

// parseKey reads the private key. Its errors do not repeat it.
func parseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, errors.New("not a private key as deputy audit key makes it")
	}
	if len(signer.Name()) > maxKeyName {
		return nil, fmt.Errorf("its name has more than %d characters", maxKeyName)
	}
	parts := strings.SplitN(text, "+", 5) // PRIVATE, KEY, name, hash, base64 of the algorithm and the seed
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errors.New("not a private key as deputy audit key makes it")
	}
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, err
	}
	v, err := ParseVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return &Key{signer, v}, nil
}

// LoadKey reads the private key in a file. It refuses one that other accounts may read.
func LoadKey(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the audit key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the audit key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("the audit key %s may be read by other accounts (mode %#o): chmod 600 it", path, mode)
	}
	text := make([]byte, 1024)
	n, _ := f.Read(text)
	k, err := parseKey(string(text[:n]))
	if err != nil {
		return nil, fmt.Errorf("the audit key %s: %w", path, err)
	}
	return k, nil
}

// LoadOrMakeKey reads the key in a file, and makes one when the file is not there. Of several processes that start at
// once, one makes it and the others read it.
func LoadOrMakeKey(path, name string) (k *Key, made bool, err error) {
	if k, err = LoadKey(path); !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	text, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, false, fmt.Errorf("making an audit key: %w", err)
	}
	if made, err = writeKey(path, text+"\n"); err != nil {
		return nil, false, fmt.Errorf("making an audit key: %w", err)
	}
	k, err = LoadKey(path)
	return k, made, err
}

// writeKey makes the file whole or not at all, and leaves one that is there alone.
func writeKey(path, text string) (made bool, err error) {
	err = durable.Create(path, "", []byte(text))
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// DefaultKeyName names a log after the machine it is on.
func DefaultKeyName() string {
	host, _ := os.Hostname()
	host = strings.Map(func(r rune) rune {
		if r == '+' || r > unicode.MaxASCII || !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, host)
	return strings.TrimSuffix("deputy-audit/"+host, "/")
}
