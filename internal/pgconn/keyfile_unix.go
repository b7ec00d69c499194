//go:build unix

package pgconn

import (
	"os"
	"syscall"

	"github.com/lib/pq"
)

// checkKeyFile refuses a private key that others may read. The group may read one that belongs to root.
func checkKeyFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return checkKeyMode(info)
}

func checkKeyMode(info os.FileInfo) error {
	mode := info.Mode().Perm()
	if mode&^0o600 == 0 {
		return nil
	}
	owned, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return pq.ErrSSLKeyUnknownOwnership
	}
	if owned.Uid == 0 && mode&^0o640 == 0 {
		return nil
	}
	return pq.ErrSSLKeyHasWorldPermissions
}
