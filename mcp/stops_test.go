package mcp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/identity/stops"
	"deputy/tools"
)

// What a steward does ends when they are stopped; what others do goes on.
func TestStopEndsAStewardsStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), stops.File)
	desk := &stewards{stops: stops.At(path, zerolog.Nop())}
	steward := func(id string) (began <-chan struct{}, ended <-chan error) {
		start, end := make(chan struct{}), make(chan error, 1)
		user := identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: id},
			Issuer: "https://id.example.com", Subject: id}
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), stewardKey{}, tools.Steward{User: user}),
			http.MethodPost, apiPath, nil)
		go desk.running(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(start)
			<-r.Context().Done()
			end <- context.Cause(r.Context())
		})).ServeHTTP(httptest.NewRecorder(), r)
		return start, end
	}
	sam, samEnds := steward("sam")
	kim, kimEnds := steward("kim")
	<-sam
	<-kim
	if _, err := stops.Add(t.Context(), path, "", stops.Stop{User: "sam"}); err != nil {
		t.Fatal(err)
	}
	if why := <-samEnds; !errors.Is(why, identity.ErrStopped) {
		t.Errorf("it ends because of %v", why)
	}
	select {
	case why := <-kimEnds:
		t.Errorf("the other one ends because of %v", why)
	default:
	}
}
