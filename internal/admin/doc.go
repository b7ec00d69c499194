// Package admin is what the commands of an administrator have in common, without flags and printing: a configuration
// with its platforms, which of them is meant, how a command ends, and how a server is asked. Each package below it is
// what one command, or one family of them, decides.
package admin
