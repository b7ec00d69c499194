package mcptest

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"deputy/identity"
)

// CancelBody cancels the request of QueryBody.
const CancelBody = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`

// ListBody asks with a method what there is.
func ListBody(method string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{}}`, method)
}

// As makes a request one of the user.
func As(user string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer token-"+user) }
}

// AgentKey makes a request one of an agent which may not act on its own: see Authenticator.
func AgentKey(r *http.Request) { r.Header.Set("Authorization", "Bearer agent-alone") }

// TaylorsKey are the credentials of a process that serves Taylor.
func TaylorsKey() (identity.Credentials, error) {
	return identity.Credentials{AgentKey: "token-taylor"}, nil
}

// Send posts a body and hands on the answer when it is there.
func Send(t *testing.T, r *http.Request) <-chan string {
	answer := make(chan string, 1)
	go func() {
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	return answer
}
