package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/oauth2"

	"deputy/identity"
)

// What an issuer says of a refusal is its own text, and may repeat a code or a token. Only its code is looked at.
var refusals = map[string]string{
	"access_denied":             "the sign-in was refused there, or cancelled",
	"expired_token":             "the code has expired before anybody signed in with it",
	"invalid_client":            "the issuer does not know this client, or wants a secret: check login.client_id and login.client_secret",
	"invalid_grant":             "the issuer does not accept the sign-in any more",
	"invalid_request":           "the issuer does not understand the request: check how the client is registered there",
	"invalid_scope":             "the issuer does not know one of the scopes that were asked for: check login.scopes",
	"invalid_target":            "the issuer knows no server of this audience: register it there, or check login.audience_parameter",
	"login_required":            "the issuer wants somebody to sign in first",
	"consent_required":          "the issuer wants somebody to consent first",
	"interaction_required":      "the issuer wants to ask something first",
	"server_error":              "the issuer had a fault: try again later",
	"temporarily_unavailable":   "the issuer is busy: try again later",
	"unauthorized_client":       "the issuer does not let this client sign people in this way: check how it is registered there",
	"unsupported_grant_type":    "the issuer does not offer this way to sign in",
	"unsupported_response_type": "the issuer does not offer this way to sign in",
}

func refusal(code string) error {
	if text, ok := refusals[code]; ok {
		return errors.New(text)
	}
	return errors.New("the issuer refused, and its reason is not one that is known")
}

// answered says what an error of package oauth2 means, in words that hold nothing of what was sent or answered.
func answered(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if refused.ErrorCode != "" {
			return refusal(refused.ErrorCode)
		}
		if refused.Response != nil {
			return fmt.Errorf("the issuer's answer was status %d", refused.Response.StatusCode)
		}
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the issuer cannot be reached: %w", broken.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("the issuer's answer cannot be understood")
}

// rejected reports whether the issuer will never take the refresh token again.
func rejected(err error) bool {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && refused.ErrorCode == "invalid_grant"
}

// ErrSignIn is the cause of every refusal that signing in would mend.
var ErrSignIn = identity.ErrSignIn

// mended marks what signing in again would mend, and reads as what it is.
type mended struct{ error }

func (mended) Is(target error) bool { return target == ErrSignIn }
func (m mended) Unwrap() error      { return m.error }

func missing(command, format string, args ...any) error {
	return &identity.AuthError{
		Code:    identity.Missing,
		Message: fmt.Sprintf(format, args...) + ": run \"" + command + "\"",
		Cause:   ErrSignIn,
	}
}
