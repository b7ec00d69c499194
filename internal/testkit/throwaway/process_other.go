//go:build !linux

package throwaway

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

func attend(server *exec.Cmd, started chan<- error, done chan<- struct{}) {
	err := server.Start()
	started <- err
	if err == nil {
		server.Wait()
	}
	close(done)
}

// account is who the server runs as. Outside Linux it is whoever runs us.
type account struct{}

func unprivileged() (account, error) {
	if os.Geteuid() == 0 {
		return account{}, errors.New("postgres does not run as root: start this as another user")
	}
	return account{}, nil
}

func (account) own(string) error { return nil }

// A group of its own keeps the Ctrl-C of a terminal from the server: it ends when it is told to.
func (account) attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
