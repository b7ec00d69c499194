package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"deputy/identity/oidc"
)

// patience is how long somebody may take to sign in in a browser.
const patience = 5 * time.Minute

// Flow is how somebody signs in. The zero value but for Out is useful.
type Flow struct {
	// where the address or the code is shown: a terminal, never standard output of a protocol
	Out     io.Writer
	Browser func(url string) error // opens one; nil: whoever reads Out does
	Device  bool                   // the browser is on another device (RFC 8628)
	Wait    time.Duration          // default five minutes; a device's code has its own time as well
	Client  *http.Client           // to ask the issuer with; redirects are never followed, whatever it says
}

// run signs somebody in and returns what the issuer gave, unverified.
func (f Flow) run(ctx context.Context, t Target) (*oauth2.Token, error) {
	if f.Wait == 0 {
		f.Wait = patience
	}
	at, err := oidc.Discover(ctx, t.Issuer, f.Client)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, at.Client), f.Wait)
	defer cancel()
	if f.Device {
		return f.onDevice(ctx, t, at)
	}
	return f.inBrowser(ctx, t, at)
}

// inBrowser is the authorization code with PKCE: whoever sees the code on its way cannot use it, and we take no code
// but our own.
func (f Flow) inBrowser(ctx context.Context, t Target, at oidc.Endpoints) (*oauth2.Token, error) {
	if at.Authorization == "" {
		return nil, errors.New("the issuer does not sign people in in a browser")
	}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	waiting, err := listen(ctx, t.Login.RedirectPort, state, t.Issuer, at.NamesItself)
	if err != nil {
		return nil, err
	}
	defer waiting.close()
	client := t.client(at)
	client.RedirectURL = waiting.redirectURL()
	address := client.AuthCodeURL(state, t.options(append(t.consent(), oauth2.S256ChallengeOption(verifier))...)...)
	fmt.Fprintf(f.Out, "Sign in at %s:\n\n  %s\n\n", t.Issuer, address)
	if f.Browser != nil && f.Browser(address) == nil {
		fmt.Fprintln(f.Out, "A browser should have opened. If not, open the address in one on this machine.")
	} else {
		fmt.Fprintln(f.Out, "Open the address in a browser on this machine.")
	}
	code, err := waiting.wait(ctx)
	if err != nil {
		return nil, err
	}
	got, err := client.Exchange(ctx, code, t.options(oauth2.VerifierOption(verifier))...)
	if err != nil {
		return nil, answered(err)
	}
	return got, nil
}

// onDevice shows a code that the human types in a browser elsewhere, and asks as often as the issuer likes whether they
// have.
func (f Flow) onDevice(ctx context.Context, t Target, at oidc.Endpoints) (*oauth2.Token, error) {
	if at.DeviceAuthorization == "" {
		return nil, errors.New("the issuer does not sign people in on another device: leave out --device")
	}
	client := t.client(at)
	device, err := client.DeviceAuth(ctx, t.options()...)
	if err != nil {
		return nil, answered(err)
	}
	if err := showable(device); err != nil {
		return nil, err
	}
	fmt.Fprintf(
		f.Out,
		"Sign in at %s: open this address on any device, and check that it shows this code, or type it:\n\n  %s\n  %s\n\n",
		t.Issuer,
		device.VerificationURI,
		device.UserCode,
	)
	got, err := client.DeviceAccessToken(ctx, device)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, refusal("expired_token")
	}
	if err != nil {
		return nil, answered(err)
	}
	return got, nil
}
