// Package mcp puts the tools into protocol clothes: Model Context Protocol over HTTP and over standard input and
// output.
//
// A call comes in, its credential becomes a principal, its arguments are read strictly, the tool runs, and its answer
// or refusal goes back as structured content beside the same in words. Nothing is decided here but who is calling and
// whether the message can be read; what the caller may see is decided in the packages below. No state is kept between
// calls, on purpose: identity is proved anew by every one of them.
//
// Beside the protocol it serves /api/requests, where people decide on access requests: no part of what agents speak.
//
// This is the only package of the server that imports mcp-go; an example of a client does too. That library speaks
// every revision of the protocol and leaves the rest to us: bearer tokens and their challenge, browser origins, sizes,
// the strict reading of messages, whose cancellation reaches whose call, and errors, of which it hands every text to
// the client. Each of these has a small function of its own here.
package mcp
