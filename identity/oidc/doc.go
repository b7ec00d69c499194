// Package oidc verifies the access tokens of OpenID providers: their signatures, or what an issuer says when it is
// asked, their claims, and the proofs of the keys that they are bound to.
//
// It implements identity.Tokens. New makes an Authenticator of it, which package identity does not know of: knowledge
// points from here to there.
package oidc
