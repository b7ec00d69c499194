//go:build !unix

package httpd

func openFiles() (int, bool) { return 0, false }
