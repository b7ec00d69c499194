// Package conformance speaks to deputy as strangers do: with the protocol's own conformance suite, with other people's MCP clients, and
// with tokens of somebody else's authorization server. It has nothing but tests, and what they run in JavaScript.
//
// The packages are pinned in package-lock.json by their hashes and installed, without running a script of theirs, into a folder that is
// named after the lock file. Where there is no Node or no registry, the tests are skipped and say why; "make conformance" has them fail
// instead.
package conformance
