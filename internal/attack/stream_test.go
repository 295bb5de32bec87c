package attack

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// progress is how a stream begins, after what the job did before.
const progress = "event: progress"

// resting makes a job that neither goes on nor ends, and returns its id.
func (in *installation) resting(t *testing.T) string {
	t.Helper()
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	body := `{"images":["` + in.register(t, "ann", "team/app:v1") + `"]}`
	job := field[string](t, in.iam(t, "ann", "POST", "/easel/v1/jobs", body).want(t, "a job", http.StatusAccepted), "id")
	in.watch(t, request{target: "/easel/v1/jobs/" + job + "/events", header: map[string]string{"X-Auth-Token": in.token(t, "ann", "")}}, "event: end")
	in.exec(t, `UPDATE job SET state = 'paused', ended = 0 WHERE id = $1`, job) // nobody works on it any more
	return job
}

// watch opens the stream of a job and reads until the line from. It returns the
// status, and what waits for the stream to end.
func (in *installation) watch(t *testing.T, q request, from string) (status int, ended func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", in.url+q.target, nil)
	must(t, err)
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil
	}
	lines := bufio.NewReader(resp.Body)
	for line := ""; strings.TrimSpace(line) != from; {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("the stream does not begin: %v", err)
		}
	}
	return resp.StatusCode, func() bool {
		for {
			if _, err := lines.ReadString('\n'); err != nil {
				return ctx.Err() == nil // the server ended it
			}
		}
	}
}

// TestStreamsEndWithTheirRight: whoever watches a job is asked again who that
// is, as with any other request.
func TestStreamsEndWithTheirRight(t *testing.T) {
	t.Parallel()
	in := start(t)
	job := in.resting(t)
	events := "/easel/v1/jobs/" + job + "/events"
	dan := in.people["dan"]

	token := in.token(t, "dan", "")
	_, ended := in.watch(t, request{target: events, header: map[string]string{"X-Auth-Token": token}}, progress)
	in.send(t, request{"DELETE", "/v3/auth/tokens", map[string]string{"X-Auth-Token": in.token(t, "dan", ""), "X-Subject-Token": token}, ""}).want(t, "revoke", http.StatusNoContent)
	if !ended() {
		t.Error("a stream goes on after its token was revoked")
	}

	q := request{method: "GET", target: events, header: map[string]string{}}
	signPlain(&q, dan.AccessKey, dan.secret, time.Now())
	_, ended = in.watch(t, q, progress)
	in.iam(t, "ann", "DELETE", "/v3.0/OS-CREDENTIAL/credentials/"+dan.AccessKey, "").want(t, "delete the key", http.StatusNoContent)
	if !ended() {
		t.Error("a stream goes on after its access key was deleted")
	}

	_, ended = in.watch(t, request{target: events, header: map[string]string{"X-Auth-Token": in.token(t, "dan", "")}}, progress)
	in.iam(t, "ann", "PATCH", "/v3/users/"+dan.UserID, `{"user":{"enabled":false}}`).want(t, "disable", http.StatusOK)
	if !ended() {
		t.Error("a stream goes on after its user was disabled")
	}
}

// TestStreamsAreBounded: a user has some streams at a time, and others are not
// kept from theirs.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	in := start(t)
	job := in.resting(t)
	as := func(user string) request {
		return request{target: "/easel/v1/jobs/" + job + "/events", header: map[string]string{"X-Auth-Token": in.token(t, user, "")}}
	}
	dan, n := as("dan"), 0
	for ; n < 100; n++ {
		if status, _ := in.watch(t, dan, progress); status == http.StatusTooManyRequests {
			break
		}
	}
	if n != 10 {
		t.Errorf("one user has %d streams, want 10", n)
	}
	if status, _ := in.watch(t, as("ray"), progress); status != http.StatusOK {
		t.Errorf("somebody else's stream: %d", status)
	}
}
