//go:build !unix

package durable

import "os"

func keepOwner(*os.File, os.FileInfo) error { return nil }

// MayWrite reports whether this process can make files in a folder, as far as that can be asked here.
func MayWrite(string) bool { return true }
