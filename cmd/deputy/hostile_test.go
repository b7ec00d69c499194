package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/mcp/client"
	"deputy/tools"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
)

// Through the front door: a signed-in Taylor sends every attack as a tool call over HTTP.
func TestNoAttackGetsAnythingOutOfTheServer(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s, err := demo.Start(
				t.Context(),
				demo.Config{Engine: engine, Log: zerolog.Nop(), Timeout: time.Second, Data: func(prefix string) string {
					return strings.Join(dataset.Statements(prefix), ";")
				}},
			)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			attacks := attack.All()
			if engine == config.Postgres {
				attacks = append(attacks, attack.Postgres()...)
			}
			if len(attacks) < 80 {
				t.Errorf("there are only %d attacks", len(attacks))
			}
			c := overHTTP(t, s, s.Token(demo.Taylor), "")
			for _, a := range attacks {
				attackServer(t, c, a)
			}
			standing, err := s.Engines["shop"].Standing(t.Context())
			if err != nil || len(standing) > 0 {
				t.Errorf("after all attacks %v stand (%v)", standing, err)
			}
			assertUnharmed(t, s)
			log, err := os.ReadFile(s.AuditFile)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(log), "\n"); n < len(attacks) {
				t.Errorf("%d attacks are %d records", len(attacks), n)
			}
		})
	}
}

// attack sends one, slow ones with little patience, and looks at everything that comes back.
func attackServer(t *testing.T, c *client.Client, a attack.Attack) {
	t.Helper()
	r, err := c.Query(t.Context(), map[string]any{"sql": a.SQL, "max_rows": 50})
	answer, _ := json.Marshal(r)
	var refusal *tools.Refusal
	if errors.As(err, &refusal) {
		answer, _ = json.Marshal(refusal)
		if refusal.Code == tools.Unavailable {
			t.Errorf("%s/%s: one statement makes the platform unavailable: %s", a.Family, a.Name, answer)
		}
	} else if err != nil && !strings.Contains(err.Error(), "too_large") { // HTTP's own answer to more than a megabyte
		t.Errorf("%s/%s: not a refusal but %v", a.Family, a.Name, err)
		return
	}
	text := strings.ToLower(string(answer))
	for _, secret := range dataset.Secrets() {
		if strings.Contains(text, strings.ToLower(secret)) &&
			!strings.Contains(strings.ToLower(a.SQL), strings.ToLower(secret)) {
			t.Errorf("%s/%s: the answer holds %q: %.300s", a.Family, a.Name, secret, answer)
		}
	}
}

// assertUnharmed looks at the data as somebody who may, and at the server's health.
func assertUnharmed(t *testing.T, s *demo.Stage) {
	t.Helper()
	c, err := client.HTTP(context.Background(), s.URL, s.Token(demo.Priya), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Query(
		t.Context(),
		map[string]any{"sql": "SELECT count(*), count(DISTINCT lastname) FROM sales.customer_orders"},
	)
	if err != nil || r.Rows[0][0] != r.Rows[0][1] {
		t.Errorf("after all attacks the orders are %+v (%v)", r, err)
	}
	if status, said := serving.Get(t, strings.TrimSuffix(s.URL, "/mcp")+"/readyz"); status != http.StatusOK {
		t.Errorf("after all attacks the server is not ready: %d %s", status, said)
	}
}
