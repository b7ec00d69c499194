// Package identity turns a credential into a Principal: which registered agent calls, and which human it calls for.
//
// A credential is an OAuth access token (RFC 9068) that names both, or an agent's own API key, which may come with the
// token of the human. Everything is verified on every call, and nothing is taken from where the caller could write what
// it likes. What cannot be verified is refused with an *AuthError, whose message may be shown and never holds any part
// of the credential.
package identity
