package throwaway

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// attend starts a server and waits for its end on one thread: the kernel ends the server when that thread is gone, so
// that not even a killed process leaves one behind.
func attend(server *exec.Cmd, started chan<- error, done chan<- struct{}) {
	runtime.LockOSThread()
	err := server.Start()
	started <- err
	if err == nil {
		server.Wait()
	}
	close(done)
}

// account is who the server runs as: postgres refuses root.
type account struct{ credential *syscall.Credential }

func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("postgres does not run as root, and there is no user postgres or nobody to run it as")
}

func (a account) own(dir string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(dir, int(a.credential.Uid), int(a.credential.Gid))
}

func (a account) attributes() *syscall.SysProcAttr {
	// A group of its own keeps the Ctrl-C of a terminal from it: it ends when it is told to.
	return &syscall.SysProcAttr{Credential: a.credential, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}
