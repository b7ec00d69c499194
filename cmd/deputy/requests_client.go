package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/audit"
	"deputy/identity"
	"deputy/identity/signin"
	"deputy/tools/desk"
)

// serverURL is the Deputy server that stewards' commands speak with.
func serverURL(c *cobra.Command) (string, error) {
	server, _ := c.Flags().GetString("server")
	if server = cmp.Or(server, os.Getenv("DEPUTY_SERVER")); server == "" {
		cfg, err := loadConfig(c)
		if err != nil {
			return "", fmt.Errorf("say which Deputy server with --server or DEPUTY_SERVER: %w", err)
		}
		server = cfg.Server.PublicURL
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && onThisMachine(u.Hostname())) {
		return "", &usageError{errors.New("not the URL of a server: write https://deputy.example.com")}
	}
	return strings.TrimRight(server, "/"), nil
}

func onThisMachine(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// stewardToken is the token in the environment, or else that of the human who signed in at the server.
func stewardToken(c *cobra.Command, server string) (string, error) {
	if token := os.Getenv(identity.EnvUserToken); token != "" {
		return token, nil
	}
	token, err := signin.Token(c.Context(), os.Getenv, server, identity.ScopeApprove)
	if err != nil {
		return "", inWords(err)
	}
	return token, nil
}

// askServer sends one request with the token of the human who decides, and returns the answer as it came and decoded.
func askServer(c *cobra.Command, method, path string, body, answer any) (json.RawMessage, error) {
	server, err := serverURL(c)
	if err != nil {
		return nil, err
	}
	token, err := stewardToken(c, server)
	if err != nil {
		return nil, err
	}
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(c.Context(), method, server+"/api/requests"+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		// it would go with a redirect to the same host
		return errors.New("the server sends elsewhere, where the token does not go")
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, serverSays(server, response.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return nil, fmt.Errorf("the answer of %s is not one of Deputy's: is it the right server?", server)
	}
	return audit.Escape(bytes.TrimSpace(raw)), nil // it goes to a terminal, and another server may have written it
}

// serverSays puts a refusal into an error that says what to do.
func serverSays(server string, status int, raw []byte) error {
	var refusal struct {
		Code    string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &refusal) != nil || refusal.Message == "" {
		return fmt.Errorf("the server answers with status %d", status)
	}
	source, todo := "sign-in", "run deputy login --server "+server+" --scope approve"
	if os.Getenv(identity.EnvUserToken) != "" {
		source, todo = "token in "+identity.EnvUserToken, "set another, or unset it and "+todo
	}
	switch refusal.Code {
	case "invalid_token", "missing":
		return fmt.Errorf("%s: %s", refusal.Message, todo)
	case "insufficient_scope":
		return fmt.Errorf("the %s is not for deciding: %s", source, todo)
	}
	return errors.New(refusal.Message)
}

// confirmed asks a human at the terminal, until the command is interrupted.
func confirmed(c *cobra.Command, question string) bool {
	fmt.Fprint(c.ErrOrStderr(), question)
	answer := make(chan string, 1)
	go func() { // no context ends a read of a terminal: the process does
		line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
		answer <- line
	}()
	var line string
	select {
	case line = <-answer:
	case <-c.Context().Done():
		fmt.Fprintln(c.ErrOrStderr())
	}
	return strings.EqualFold(strings.TrimSpace(line), "y") || strings.EqualFold(strings.TrimSpace(line), "yes")
}

// completeRequests completes the ids of requests that are open.
func completeRequests(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var answer struct {
		Requests []desk.View `json:"requests"`
	}
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if _, err := askServer(c, "GET", "?status=pending,approved", nil, &answer); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, v := range answer.Requests {
		out = append(out, v.ID+"\t"+v.Table)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
