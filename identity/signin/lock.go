package signin

import (
	"context"

	"deputy/internal/durable"
)

// lock takes the lock of a sign-in, which holds between processes: two of them must not both use a refresh token that
// can be used once, or the issuer takes them for a thief and the owner, and ends the sign-in.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	return durable.Lock(ctx, path)
}
