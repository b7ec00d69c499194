package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"deputy/mcp/client"
	"deputy/tools"
	"deputy/tools/desk"
)

// tellRequest goes on with the story: Taylor asks for what is masked, a steward decides, and time passes: wait waits.
func (s *Stage) tellRequest(
	ctx context.Context,
	scenes int,
	wait func(context.Context, time.Duration) error,
	out io.Writer,
) error {
	title := func(text string) {
		scenes++
		fmt.Fprintf(out, "\n%d. %s\n\n", scenes, text)
	}
	title("Taylor needs the names for a mailing. The agent asks with exactly what the note said, and a reason.")
	asked, err := s.askAsTold(ctx, out)
	if err != nil {
		return err
	}
	title(
		"Dana, a data steward, signs in herself, looks at what approving would reveal, and approves it for five seconds: enough for this story.",
	)
	expires, err := s.approve(ctx, asked.ID, out)
	if err != nil {
		return err
	}
	title("Taylor's agent sends the same question again.")
	if err := s.play(ctx, scene{person: &Taylor, sql: RecentOrders}, out); err != nil {
		return err
	}
	title("Five seconds later, to the second, the names are masked again. Nobody had to do anything.")
	if err := wait(ctx, expires.Sub(s.Now())); err != nil {
		return err
	}
	if err := s.play(ctx, scene{person: &Taylor, sql: RecentOrders}, out); err != nil {
		return err
	}
	return s.Sweep(ctx, s.Now())
}

// askAsTold takes the arguments out of the note of Taylor's answer, as a model would.
func (s *Stage) askAsTold(ctx context.Context, out io.Writer) (*tools.AccessRequest, error) {
	c, err := client.HTTP(ctx, s.URL, s.Token(Taylor), "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := c.Query(ctx, map[string]any{"sql": RecentOrders})
	if err != nil {
		return nil, err
	}
	args, err := Asking(answer.Notices)
	if err != nil {
		return nil, err
	}
	args["reason"], args["duration"] = "the names go on the envelopes of the November mailing", "2h"
	encoded, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "   request_access %s\n\n", encoded)
	asked, err := c.RequestAccess(ctx, args)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(
		out,
		"   Request %s is %s, and waits for %s.\n",
		asked.ID,
		asked.Status,
		strings.Join(asked.Approvers, ", then "),
	)
	return asked, nil
}

// Asking finds in notices, or in the hint of a refusal, the arguments to ask with.
func Asking(notices []string) (args map[string]any, err error) {
	for _, notice := range notices {
		if _, text, found := strings.Cut(notice, "call request_access with "); found {
			return args, json.NewDecoder(strings.NewReader(text)).Decode(&args)
		}
	}
	return nil, errors.New("nothing says how to ask")
}

// AskAgain has Taylor's agent ask for the names once more, for a steward to decide on. It returns the request's id.
func (s *Stage) AskAgain(ctx context.Context) (id string, err error) {
	asked, err := s.askAsTold(ctx, io.Discard)
	if err != nil {
		return "", err
	}
	return asked.ID, nil
}

// approve is what deputy requests does, without its terminal. It returns when the approval ends.
func (s *Stage) approve(ctx context.Context, id string, out io.Writer) (time.Time, error) {
	var v desk.View
	if err := s.Decide(ctx, Dana, http.MethodGet, id, nil, &v); err != nil {
		return time.Time{}, err
	}
	fmt.Fprintf(out, "   For %s, through %s. The reason given: %q\n", v.User.Name, v.Agent, v.Reason)
	for _, c := range v.Reveals.Columns {
		fmt.Fprintf(
			out,
			"   %s of %s, in %d rows: now %s by %s, then %s.\n",
			c.Name,
			v.Table,
			*v.Reveals.Rows,
			c.Now,
			strings.Join(c.Masks, ", "),
			c.Then,
		)
	}
	if err := s.Decide(ctx, Dana, http.MethodPost, id+"/approve", map[string]string{"duration": "PT5S", "note": "five seconds will do"}, &v); err != nil {
		return time.Time{}, err
	}
	fmt.Fprintf(
		out,
		"   Request %s is %s for %s, by %s.\n",
		v.ID,
		v.Status,
		v.ExpiresAt.Sub(v.Decisions[0].Time),
		v.Decisions[0].By.Name,
	)
	if v.ExpiresAt == nil {
		return time.Time{}, fmt.Errorf("the request is %s, without an end", v.Status)
	}
	return *v.ExpiresAt, nil
}

// Decide asks the API for those who decide, as one of them.
func (s *Stage) Decide(ctx context.Context, p Person, method, path string, body, into any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(
		ctx,
		method,
		strings.TrimSuffix(s.URL, "/mcp")+"/api/requests/"+path,
		&content,
	)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.StewardToken(p))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("%s is told %d %s", p.Name, response.StatusCode, text)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
