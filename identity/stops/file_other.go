//go:build !unix

package stops

const nonblocking = 0
