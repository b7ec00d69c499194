// Package conformance speaks to deputy as strangers do: with the protocol's own conformance suite, with other people's
// MCP clients, and with tokens of somebody else's authorization server. It has nothing but tests, and what they run in
// JavaScript.
//
// The packages are pinned in package-lock.json by their hashes and installed, without running a script of theirs, into
// a folder that is named after the lock file. "make conformance" runs these tests, and no other target does; where
// there is no Node or no registry, they fail.
package conformance
