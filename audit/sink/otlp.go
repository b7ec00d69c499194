package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"deputy/audit"
)

// OTLP sends each record to an OpenTelemetry collector as a log record: OTLP over HTTP, in JSON. That is a page of
// JSON, so it needs no SDK, whose queues and sampling are not for an audit log.
type OTLP struct {
	url     *url.URL
	headers map[string]string
	client  *http.Client
}

// NewOTLP takes the whole URL, which ends in /v1/logs as a rule, and headers that may hold a secret.
func NewOTLP(to string, headers map[string]string) (*OTLP, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("not a URL: write https://collector.example.com:4318/v1/logs")
	}
	// a header is for whom it was given for
	never := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &OTLP{u, headers, &http.Client{CheckRedirect: never}}, nil
}

// Deliver implements Sink. No error repeats what the collector said, which may be the record.
func (s *OTLP) Deliver(ctx context.Context, messages []Message) error {
	body, err := json.Marshal(exportOf(messages))
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range s.headers {
		request.Header.Set(name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s has not answered in time: %w", s.url.Host, ctx.Err())
		}
		return fmt.Errorf("%s does not answer", s.url.Host)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	switch response.StatusCode {
	case http.StatusOK:
		if err != nil {
			return fmt.Errorf("%s ends in the middle of its answer", s.url.Host)
		}
		return s.partly(answer)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &Rejected{fmt.Errorf("%s answers %d", s.url.Host, response.StatusCode)}
	}
	return fmt.Errorf("%s answers %d", s.url.Host, response.StatusCode)
}

// partly reads how many records the collector does not want though it answered well.
func (s *OTLP) partly(answer []byte) error {
	var says struct {
		PartialSuccess struct {
			Rejected json.RawMessage `json:"rejectedLogRecords"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &says) != nil { // it may answer in protobuf, or not at all
		return nil
	}
	if n := strings.Trim(string(says.PartialSuccess.Rejected), `"`); n != "" && n != "0" && n != "null" {
		return &Rejected{fmt.Errorf("%s does not take all records", s.url.Host)}
	}
	return nil
}

// Close implements Sink.
func (s *OTLP) Close() error { s.client.CloseIdleConnections(); return nil }

type export struct {
	Resources []resourceLogs `json:"resourceLogs"`
}

type resourceLogs struct {
	Resource struct {
		Attributes []attribute `json:"attributes"`
	} `json:"resource"`
	Scopes []scopeLogs `json:"scopeLogs"`
}

type scopeLogs struct {
	Scope struct {
		Name string `json:"name"`
	} `json:"scope"`
	Records []logRecord `json:"logRecords"`
}

type logRecord struct {
	Time           string      `json:"timeUnixNano"` // 64-bit integers are strings
	ObservedTime   string      `json:"observedTimeUnixNano"`
	SeverityNumber int         `json:"severityNumber"`
	SeverityText   string      `json:"severityText"`
	EventName      string      `json:"eventName"`
	Body           value       `json:"body"`
	Attributes     []attribute `json:"attributes"`
}

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	Text string `json:"stringValue"`
}

func exportOf(messages []Message) export {
	var r resourceLogs
	host, _ := os.Hostname()
	r.Resource.Attributes = []attribute{{"service.name", value{"deputy"}}, {"host.name", value{host}}}
	scope := scopeLogs{}
	scope.Scope.Name = "deputy/audit"
	for _, m := range messages {
		scope.Records = append(scope.Records, logRecordOf(m))
	}
	r.Scopes = []scopeLogs{scope}
	return export{[]resourceLogs{r}}
}

func logRecordOf(m Message) logRecord {
	r := logRecord{
		Time:           nanoseconds(m.Record.Time),
		ObservedTime:   nanoseconds(time.Now()),
		SeverityNumber: 9,
		SeverityText:   "INFO",
		EventName:      "deputy.audit",
		Body:           value{string(m.Text)},
	}
	switch m.Record.Outcome {
	case audit.Denied, audit.Failed, audit.Unknown:
		r.SeverityNumber, r.SeverityText = 13, "WARN"
	}
	for _, a := range []attribute{
		{"deputy.audit.id", value{m.Record.ID}}, {"deputy.audit.phase", value{string(m.Record.Phase)}},
		{"deputy.audit.tool", value{m.Record.Tool}}, {"deputy.audit.outcome", value{string(m.Record.Outcome)}},
	} {
		if a.Value.Text != "" {
			r.Attributes = append(r.Attributes, a)
		}
	}
	return r
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
