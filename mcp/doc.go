// Package mcp puts the tools into protocol clothes: the Model Context Protocol alone, whatever it is spoken over.
//
// A transport makes a Call of each request and hands it to Server with its message: the caller is asked for, the
// arguments are read strictly, the tool runs, and its answer or refusal goes back as structured content beside the same
// in words. Nothing is decided here but whether the message can be read; what the caller may see is decided in the
// packages below. No state is kept between calls, on purpose: identity is proved anew by every one of them.
//
// This is the only package of the server that imports mcp-go; its client and its test kit below it, and an example of a
// host do too. That library speaks every revision of the protocol and leaves the rest to us: bearer tokens and their
// challenge, browser origins, sizes, the strict reading of messages, whose cancellation reaches whose call, and errors,
// of which it hands every text to the client. Each of these has a small function of its own, here or in a transport.
package mcp
