package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// keyPrefix makes an agent's API key known by its look, to us and to the scanners that search repositories for secrets.
const keyPrefix = "deputy_ak_"

const keyBytes = 32

// NewKey makes an API key and what the configuration keeps of it. Give it crypto/rand.Reader.
// It panics when there is no randomness to read, since no key is better than a weak one.
func NewKey(rand io.Reader) (key, sha256hex string) {
	secret := make([]byte, keyBytes)
	if _, err := io.ReadFull(rand, secret); err != nil {
		panic(fmt.Sprintf("make an agent key: %v", err))
	}
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(key))
	return key, hex.EncodeToString(hash[:])
}

// KeyName is what records call a key, by its hash. It leads to the line in the configuration, and not to the key.
func KeyName(sha256hex string) string {
	return "key " + strings.ToLower(sha256hex[:min(8, len(sha256hex))])
}

func isKey(credential string) bool { return strings.HasPrefix(credential, keyPrefix) }

// parseKeyHash reads the hex that NewKey gave. A key has 256 random bits, so one plain hash keeps it as safe as a slow
// one would.
func parseKeyHash(s string) (hash [sha256.Size]byte, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != sha256.Size {
		return hash, fmt.Errorf(
			"not the hash of a key: write the %d hex digits that \"deputy agent key NAME\" prints",
			2*sha256.Size,
		)
	}
	return [sha256.Size]byte(raw), nil
}
