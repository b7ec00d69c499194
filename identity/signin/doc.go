// Package signin gets a human an access token of their own, in a browser or on another device, and keeps it for the
// commands that act for them: deputy stdio, deputy whoami, and what a steward does at a terminal.
//
// It believes nobody: an issuer's answer is kept only when the token in it is one that the server would take from this
// human, and it is verified again by every call that it is used in. Tokens are in one file per issuer and audience that
// only its owner may read, and nowhere else: not in output, logs, errors or the arguments of a process.
package signin
