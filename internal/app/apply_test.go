package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"easel/internal/client"
	"easel/internal/setup"
)

// TestApplySeesOthers lets somebody make the user while the difference is read.
func TestApplySeesOthers(t *testing.T) {
	t.Parallel()
	users := "[]"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case keysPath + "/AK":
			fmt.Fprint(w, `{"credential":{"user_id":"1"}}`)
		case "/v3/users/1":
			fmt.Fprint(w, `{"user":{"id":"1","name":"admin"}}`)
		case "/v3/users":
			fmt.Fprintf(w, `{"users":%s}`, users)
		default:
			t.Errorf("%s %s was asked for", r.Method, r.URL)
		}
	}))
	defer s.Close()
	c, err := client.New(s.URL, client.Credentials{AccessKey: "AK", SecretKey: "SK"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := &application{session: &session{Client: c, profile: profile{AccessKey: "AK"}}, source: setup.NewSource()}
	if err := a.source.Add("file", []byte("users: [eva]")); err != nil {
		t.Fatal(err)
	}
	changes, err := a.plan(t.Context())
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if err := a.still(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	users = `[{"id":"2","name":"eva"}]`
	if err := a.still(t.Context(), changes); err == nil || !strings.Contains(err.Error(), "meanwhile; nothing was done") {
		t.Errorf("others' changes are met with %v", err)
	}
}
