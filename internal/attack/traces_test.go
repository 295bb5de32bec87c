package attack

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// traceReceiver is an OTLP receiver that keeps what it is sent.
type traceReceiver struct {
	*httptest.Server

	mu    sync.Mutex // guards what follows
	sent  []*collector.ExportTraceServiceRequest
	wrong []error
}

// ServeHTTP implements http.Handler.
func (r *traceReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	message := &collector.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(body, message)
	}
	if err == nil && (req.Method != http.MethodPost || req.URL.Path != "/v1/traces") {
		err = fmt.Errorf("%s %s", req.Method, req.URL)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.wrong = append(r.wrong, err)
	}
	r.sent = append(r.sent, message)
}

// traced runs f against a server that sends its traces to endpoint, and ends
// the server. It returns what the server logged. Other servers must not be
// started at that time: there is one environment.
func traced(t *testing.T, endpoint string, environment map[string]string, f func(*testing.T, *installation)) (log string) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	for name, value := range environment {
		t.Setenv(name, value)
	}
	var in *installation
	t.Run("serve", func(t *testing.T) { // its end ends the server, which sends what is left
		in = start(t)
		f(t, in)
	})
	return in.log.String()
}

// received runs f against a server that sends traces, and returns all its spans.
func received(t *testing.T, environment map[string]string, f func(*testing.T, *installation)) ([]*spans.Span, *traceReceiver) {
	t.Helper()
	receiver := &traceReceiver{}
	receiver.Server = httptest.NewServer(receiver)
	defer receiver.Close()
	traced(t, receiver.URL, environment, f)
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	var all []*spans.Span
	for _, message := range receiver.sent {
		for _, of := range message.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				all = append(all, scope.Spans...)
			}
		}
	}
	if len(receiver.wrong) > 0 {
		t.Errorf("the receiver could not read %v", receiver.wrong)
	}
	return all, receiver
}

// attributes returns what a span says about itself, as text.
func attributes(s *spans.Span) map[string]string {
	m := map[string]string{}
	for _, a := range s.Attributes {
		m[a.Key] = a.Value.GetStringValue()
		if m[a.Key] == "" {
			m[a.Key] = fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return m
}

const clientTrace, clientSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

// TestTraces: a deletion that belongs to a client's trace is one span with its
// transactions and unlinked objects below, all of it sent before the server ends.
func TestTraces(t *testing.T) {
	var answered answer
	all, receiver := received(t, map[string]string{"OTEL_SERVICE_NAME": "easel-of-the-team"}, func(t *testing.T, in *installation) {
		in.push(t, "ann", "team/app", "1", "configuration", "layer")
		id := in.register(t, "ann", "team/app:1")
		answered = in.send(t, request{"DELETE", "/v1/" + acmeOne + "/images/" + id + "?force=true",
			map[string]string{"X-Auth-Token": in.token(t, "ann", ""), "Traceparent": "00-" + clientTrace + "-" + clientSpan + "-01"}, ""})
		answered.want(t, "delete", http.StatusOK)
	})
	n := slices.IndexFunc(all, func(s *spans.Span) bool { return hex.EncodeToString(s.ParentSpanId) == clientSpan })
	if n < 0 {
		t.Fatalf("of %d spans none is a child of the client's", len(all))
	}
	root := all[n]
	if got := hex.EncodeToString(root.TraceId); got != clientTrace || root.Kind != spans.Span_SPAN_KIND_SERVER || root.EndTimeUnixNano < root.StartTimeUnixNano {
		t.Errorf("the span of the request is %v", root)
	}
	about := attributes(root)
	if about["http.response.status_code"] != "200" || about["easel.request_id"] != answered.header.Get("X-Request-Id") ||
		about["http.route"] == "" || root.Name != "DELETE "+about["http.route"] {
		t.Errorf("the span %q of the request says %v", root.Name, about)
	}
	below := map[string]int{}
	for _, s := range all {
		if slices.Equal(s.ParentSpanId, root.SpanId) {
			below[s.Name]++
			if hex.EncodeToString(s.TraceId) != clientTrace {
				t.Errorf("%q is in another trace than its parent", s.Name)
			}
		}
	}
	if below["catalogue update"] == 0 || below["catalogue view"] == 0 || below["blob unlink"] != 2 {
		t.Errorf("below the deletion of two blobs are %v", below)
	}
	if text := protojson.Format(receiver.sent[0].ResourceSpans[0].Resource); !strings.Contains(text, "easel-of-the-team") || !strings.Contains(text, "service.version") {
		t.Errorf("the resource is %s", text)
	}
	for _, s := range all {
		if len(s.ParentSpanId) == 0 && s.Kind != spans.Span_SPAN_KIND_SERVER {
			t.Errorf("%q belongs to no request", s.Name)
		}
	}
}

// TestTracesTellNothing: neither secrets nor names of tenants, users or
// content are in anything that is sent to the receiver, whatever fails.
func TestTracesTellNothing(t *testing.T) {
	var told []string
	_, receiver := received(t, nil, func(t *testing.T, in *installation) {
		digest := in.push(t, "ann", "team/confidential", "secret-tag", "configuration", "layer")
		id := in.register(t, "ann", "team/confidential:secret-tag")
		token := in.token(t, "ann", "")
		in.oci(t, "dan", "GET", "team/confidential", "/manifests/secret-tag", "").want(t, "pull", http.StatusOK)
		in.oci(t, "gus", "GET", "team/confidential", "/manifests/secret-tag", "")
		in.send(t, request{method: "GET", target: "/v3/auth/tokens", header: map[string]string{"X-Auth-Token": token, "X-Subject-Token": token}})
		in.send(t, request{method: "GET", target: "/v1/" + acmeOne + "/images?name=confidential&token=" + token})
		in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ann","password":"wrong password","domain":{"name":"acme"}}}}}}`})
		in.send(t, request{method: "SECRET-TAG", target: "/confidential"})
		in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+id+"?force=true", "").want(t, "delete", http.StatusOK)
		in.iam(t, "ann", "DELETE", "/v2/manage/namespaces/team/repos/confidential", "")
		told = []string{"confidential", "secret-tag", digest[7:], digestOf("layer")[7:], id, token, "acme", "globex", "team", "password of", "wrong password", "127.0.0.1", acmeOne}
		for _, p := range in.people {
			told = append(told, p.UserID, p.UserName+"@", p.AccessKey, p.secret, p.DomainID)
		}
	})
	if len(receiver.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	for _, message := range receiver.sent {
		text := protojson.Format(message)
		for _, word := range told {
			if strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				t.Errorf("%q is in what was sent", word)
			}
		}
		if names := regexp.MustCompile(`"(ann|dan|gus)"`).FindString(text); names != "" {
			t.Errorf("the user %s is in what was sent", names)
		}
	}
}

// TestTracesAreSampled: the client's decision and the sampler's are obeyed.
func TestTracesAreSampled(t *testing.T) {
	ask := func(flags string) func(*testing.T, *installation) {
		return func(t *testing.T, in *installation) {
			in.send(t, request{method: "GET", target: "/v3", header: map[string]string{"Traceparent": "00-" + clientTrace + "-" + clientSpan + "-" + flags}})
		}
	}
	for _, tt := range []struct {
		name, sampler, flags string
		spans                bool
	}{
		{"the client wants it", "", "01", true},
		{"the client does not", "", "00", false},
		{"the server never does", "always_off", "01", false},
		{"the server always does", "always_on", "00", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, _ := received(t, map[string]string{"OTEL_TRACES_SAMPLER": tt.sampler}, ask(tt.flags))
			if got := len(all) > 0; got != tt.spans {
				t.Errorf("%d spans", len(all))
			}
		})
	}
}

// TestTracesWithoutReceiver: requests do not notice, the log has a line of
// it, and the server ends as always.
func TestTracesWithoutReceiver(t *testing.T) {
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer broken.Close()
	for name, endpoint := range map[string]string{"down": down.URL, "broken": broken.URL} {
		t.Run(name, func(t *testing.T) {
			log := traced(t, endpoint, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "1", "OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"},
				func(t *testing.T, in *installation) {
					in.push(t, "ann", "team/app", "1", "configuration", "layer")
					id := in.register(t, "ann", "team/app:1")
					a := in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+id+"?force=true", "").want(t, "delete", http.StatusOK)
					if n := freed(t, a); n != int64(len("configuration")+len("layer")) {
						t.Errorf("%d bytes freed", n)
					}
				})
			if n := strings.Count(log, "traces are not sent as they should be"); n == 0 || n > 5 { // one a minute, of more than a hundred spans
				t.Errorf("%d lines in the log about traces:\n%s", n, log)
			}
		})
	}
}
