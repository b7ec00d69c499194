package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"deputy/internal/testkit/serving"
)

// terminal is a process at a terminal of its own, whose Ctrl-C reaches the process and all that it started in its
// group.
type terminal struct {
	*exec.Cmd
	t      *testing.T
	master *os.File
	shown  serving.Output
	ended  chan struct{}
}

// atTerminal starts a process at a terminal, with a folder of its own for temporary files.
func atTerminal(t *testing.T, command *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	var number, unlocked uint32
	for request, value := range map[uintptr]*uint32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlocked} {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value)))
		if errno != 0 {
			t.Fatal(errno)
		}
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	term := &terminal{Cmd: command, t: t, master: master, ended: make(chan struct{})}
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go term.show()
	go func() {
		command.Wait()
		close(term.ended)
	}()
	t.Cleanup(func() {
		command.Process.Kill()
		<-term.ended
		master.Close()
	})
	return term
}

func (term *terminal) show() {
	part := make([]byte, 4096)
	for {
		n, err := term.master.Read(part)
		term.shown.Write(part[:n])
		if err != nil {
			return
		}
	}
}

// wait waits until something is the case.
func (term *terminal) wait(what string, is func() bool) {
	term.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			term.t.Fatalf("%v never: %s\n%s", term.Args[1:], what, term.shown.String())
		}
	}
}

func (term *terminal) says(text string) {
	term.t.Helper()
	term.wait("says "+text, func() bool { return strings.Contains(term.shown.String(), text) })
}

// types sends what a human types; "\x03" is Ctrl-C.
func (term *terminal) types(text string) {
	term.t.Helper()
	if _, err := term.master.WriteString(text); err != nil {
		term.t.Fatal(err)
	}
}

// end waits for the process to end, and returns how it did.
func (term *terminal) end() syscall.WaitStatus {
	term.t.Helper()
	term.wait("ends", func() bool {
		select {
		case <-term.ended:
			return true
		default:
			return false
		}
	})
	return term.ProcessState.Sys().(syscall.WaitStatus)
}

// temporary makes a folder for the temporary files of processes, which a PostgreSQL of another user can reach.
func temporary(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "d") // short: sockets are made in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o711); err != nil {
		t.Fatal(err)
	}
	return folder
}

// leaves fails if a folder is not empty, or a process runs whose command line names it.
func leaves(t *testing.T, folder string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("there is left %v %v", left, err)
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, _ := os.ReadFile(path); strings.Contains(string(line), folder+"/") {
			t.Errorf("there still runs %q", line)
		}
	}
}
