package oidc

import "deputy/identity"

func invalid(message string) *identity.AuthError {
	return &identity.AuthError{Code: identity.InvalidToken, Message: message}
}

func badProof(message string) *identity.AuthError {
	return &identity.AuthError{Code: identity.InvalidProof, Message: message}
}
