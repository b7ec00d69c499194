package signin

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// Browse opens an address with the platform's own command. Whoever can list this machine's processes may see it, and
// sign in there as themself: the sign-in would then be theirs. It says as whom, and nobody's token leaves by that.
func Browse(address string) error {
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("only web addresses are opened") // anything else could be a file or an option
	}
	var command *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		command = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	case "darwin":
		command = exec.Command("open", address)
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return errors.New("there is no display") // it could find a browser for terminals, and take ours
		}
		command = exec.Command("xdg-open", address)
	}
	// no keys
	command.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "DEPUTY_") })
	if err := command.Start(); err != nil {
		return err
	}
	go command.Wait() // so that it does not stay behind as a zombie
	return nil
}
