//go:build !unix

package mcp

func openFiles() (int, bool) { return 0, false }
