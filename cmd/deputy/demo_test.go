package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
)

// What deputy demo --serve prints can be pasted: a host asks as Taylor, and Dana approves. The times in it are those of
// the day.
func TestDemoServes(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			began := time.Now().Add(-time.Second)
			command := exec.Command(deputyBinary(t), "demo", "--serve", "--engine", engine)
			var shown serving.Output
			command.Stdout = &shown
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			defer command.Process.Kill()
			said(t, &shown, "Stop with Ctrl-C")
			story := shown.String()
			for _, text := range regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`).FindAllString(story, -1) {
				if at, err := time.Parse(time.RFC3339, text); err != nil || at.Before(began) || at.After(time.Now()) {
					t.Errorf("it says %s at %s", text, time.Now().UTC())
				}
			}

			url := regexp.MustCompile(`"url": "(.*)"`).FindStringSubmatch(story)
			token := regexp.MustCompile(`"Authorization": "Bearer (.*)"`).FindStringSubmatch(story)
			_, commands, found := strings.Cut(story, "you are one:\n")
			commands, _, _ = strings.Cut(commands, "\nThe audit log")
			if url == nil || token == nil || !found {
				t.Fatalf("there is nothing to paste: %s", story)
			}
			c, err := client.HTTP(context.Background(), url[1], token[1], "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			first := func() string {
				r, err := c.Query(t.Context(), map[string]any{"sql": demo.RecentOrders})
				if err != nil {
					return err.Error()
				}
				return fmt.Sprint(r.Rows[0][0])
			}
			if got := first(); got != "REDACTED" {
				t.Errorf("before it is approved Taylor sees %s", got)
			}
			shell := exec.Command("sh", "-e", "-c", commands)
			shell.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
			if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), "is approved, until") {
				t.Errorf("the printed commands end with %v: %s", err, out)
			}
			if got := first(); got != demo.Names[0] {
				t.Errorf("after it is approved Taylor sees %s", got)
			}

			command.Process.Signal(syscall.SIGTERM)
			if err := command.Wait(); err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
