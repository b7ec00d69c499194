//go:build !unix

package pgconn

// checkKeyFile looks at nothing: like libpq, which checks no permissions there.
func checkKeyFile(string) error { return nil }
