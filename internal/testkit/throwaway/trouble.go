package throwaway

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Launch starts the server on what it had, after Halt or Kill, and returns when it answers.
func (c *Cluster) Launch(ctx context.Context) error {
	run, err := unprivileged()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.server, c.done = exec.Command(c.args[0], c.args[1:]...), make(chan struct{})
	c.server.Dir, c.server.Stdout, c.server.Stderr = c.Dir, log, log
	c.server.SysProcAttr = run.attributes()
	started := make(chan error)
	go attend(c.server, started, c.done)
	if err := <-started; err != nil {
		c.server = nil
		return fmt.Errorf("starting postgres: %w", err)
	}
	return c.await(ctx)
}

// Halt shuts the server down at once, as an administrator in a hurry does: what it had is recovered by Launch.
func (c *Cluster) Halt() {
	if c.server == nil || c.server.Process == nil {
		return
	}
	if c.frozen {
		c.Thaw()
	}
	c.server.Process.Signal(syscall.SIGQUIT)
	<-c.done
}

// Freeze stops every process of the server where it stands. Its connections stay open and say nothing.
func (c *Cluster) Freeze() {
	c.frozen = true
	c.signal(syscall.SIGSTOP)
}

// Thaw lets a frozen server go on.
func (c *Cluster) Thaw() {
	c.frozen = false
	c.signal(syscall.SIGCONT)
}

// signal reaches the server and what it has started. Those that end meanwhile are not missed.
func (c *Cluster) signal(s syscall.Signal) {
	c.server.Process.Signal(s) // first, so that it starts no more
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(c.server.Process.Pid)).Output()
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			syscall.Kill(pid, s)
		}
	}
}
