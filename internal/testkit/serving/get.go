package serving

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"
)

// Get returns the status and the whole body that a URL answers.
func Get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// GetJSON reads the JSON that a URL answers and returns the status.
func GetJSON(t testing.TB, url string, into any) (status int) {
	t.Helper()
	status, body := Get(t, url)
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%s answers %d %s: %v", url, status, body, err)
	}
	return status
}

// Await returns when a URL answers 200. It fails the test when the server ends before, or does not answer for two
// minutes; ended is nil where the test does not watch the server.
func Await(t testing.TB, url string, ended <-chan error) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("the server ended before %s answered: %v", url, err)
		case <-t.Context().Done():
			t.Fatalf("%s did not answer before the test's end", url)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("%s did not answer", url)
}
