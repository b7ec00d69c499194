//go:build unix

package durable

import (
	"cmp"
	"os"
	"syscall"
)

// keepOwner gives a new file to whom the old one belongs: a server must be able to read what an administrator wrote.
func keepOwner(f *os.File, old os.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}

// MayWrite reports whether this process can make files in a folder.
func MayWrite(folder string) bool {
	const write = 2
	return syscall.Access(cmp.Or(folder, "."), write) == nil
}
