package throwaway_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/internal/testkit/throwaway"
)

// asChild says in the environment how this program ends when it is the child of a test.
const asChild = "DEPUTY_THROWAWAY_ENDS"

var shared = throwaway.NewShared(func(c *throwaway.Cluster) error {
	return c.Exec(throwaway.Superuser, "postgres", "CREATE ROLE prepared LOGIN")
})

// child stands for the tests of a package.
type child struct{ ends string }

func (c child) Run() int {
	if c.ends == "unused" {
		return 0
	}
	if err := shared.Exec("prepared", "postgres", "SELECT 1"); err != nil {
		panic(err)
	}
	os.Stdout.WriteString(shared.Cluster().Dir + "\n")
	switch c.ends {
	case "panic":
		go panic("in a test's goroutine")
		select {}
	case "wait":
		select {}
	}
	return 0
}

func TestMain(m *testing.M) {
	if ends := os.Getenv(asChild); ends != "" {
		throwaway.Main(child{ends})
	}
	throwaway.Main(m)
}

func TestSharedClusterLeavesNothing(t *testing.T) {
	for ends, signal := range map[string]os.Signal{
		"at the end": nil, "panic": nil, "wait": os.Interrupt, "wait for SIGTERM": syscall.SIGTERM, "wait for SIGKILL": syscall.SIGKILL,
	} {
		t.Run(ends, func(t *testing.T) {
			t.Parallel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			c := exec.Command(program)
			how, _, _ := strings.Cut(ends, " for ")
			c.Env = append(os.Environ(), asChild+"="+how)
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if signal != nil {
				c.Process.Signal(signal)
			}
			c.Wait()
			dir := strings.TrimSpace(line)
			for range 1000 {
				if _, err := os.Stat(dir); os.IsNotExist(err) {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("%s is left", dir)
		})
	}
}

func TestSharedClusterStartsWhenUsed(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asChild+"=unused", "DEPUTY_PG_BIN="+t.TempDir()) // there is nothing to start
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("tests that use no cluster end with %v: %s", err, out)
	}
}
