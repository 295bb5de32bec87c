package app

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestCallback listens to the browser that was sent out, once, and to nobody else.
func TestCallback(t *testing.T) {
	t.Parallel()
	c := &callback{state: "the state", came: make(chan url.Values, 1)}
	for _, tt := range []struct {
		name, method, target, says string
		status, heard              int
	}{
		{"another state", "GET", "/callback?code=x&state=other", "not the log-in", 404, 0},
		{"no state", "GET", "/callback?code=x", "not the log-in", 404, 0},
		{"two states", "GET", "/callback?code=x&state=other&state=the+state", "not the log-in", 404, 0},
		{"another page", "GET", "/?code=x&state=the+state", "not the log-in", 404, 0},
		{"another method", "POST", "/callback?code=x&state=the+state", "not the log-in", 404, 0},
		{"the browser", "GET", "/callback?code=x&state=the+state", "can be closed", 200, 1},
		{"the browser again", "GET", "/callback?code=y&state=the+state", "already", 200, 1},
	} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, nil))
		if w.Code != tt.status || len(c.came) != tt.heard || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s, heard %d", tt.name, w.Code, w.Body, len(c.came))
		}
	}
	if q := <-c.came; q.Get("code") != "x" {
		t.Errorf("the code is %q", q.Get("code"))
	}
}
