package throwaway

import (
	"io"
	"os/exec"
	"syscall"
)

// remover is a process that outlives this one. When this one ends before it has stopped its cluster, after a panic or
// because it was killed, the kernel ends the server and the remover takes the cluster's directory away.
type remover struct {
	command *exec.Cmd
	alive   io.Closer // held open by this process alone
}

func startRemover(dir string) (*remover, error) {
	c := exec.Command("/bin/sh", "-c", `cat >/dev/null; [ -d "$1" ] && sleep 1 && rm -rf "$1"`, "sh", dir)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the Ctrl-C of a terminal is not for it
	alive, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &remover{c, alive}, c.Start()
}

// dismiss ends it, when the directory is gone.
func (r *remover) dismiss() {
	r.alive.Close()
	r.command.Wait()
}
