package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Receipt is what the headers of a deletion say, in bytes.
type Receipt struct {
	Freed, Shared, Pinned, Pending int64
}

// Call calls an API of the server as its user and decodes the answer
// into out, which may be nil. Any status of 400 or more fails the test.
func (s *Server) Call(t *testing.T, method, path string, in, out any) http.Header {
	t.Helper()
	status, header, body := s.send(t, method, path, s.Token(t), in)
	if status >= 400 {
		t.Fatalf("%s %s: %d\n%s", method, path, status, body)
	}
	if out == nil {
		return header
	}
	if err := json.Unmarshal(body, out); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, body)
	}
	return header
}

// Token logs the user in with the password.
func (s *Server) Token(t *testing.T) string {
	t.Helper()
	type object = map[string]any
	login := object{"auth": object{
		"identity": object{
			"methods":  []string{"password"},
			"password": object{"user": object{"name": s.User, "password": s.Password, "domain": object{"name": s.Domain}}},
		},
		"scope": object{"project": object{"id": s.Project}},
	}}
	status, header, body := s.send(t, http.MethodPost, "/v3/auth/tokens", "", login)
	token := header.Get("X-Subject-Token")
	if status != http.StatusCreated || token == "" {
		t.Fatalf("log in with the password: %d\n%s", status, body)
	}
	return token
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends one request as it is, with the given headers, and follows no redirect.
func (s *Server) Do(t *testing.T, method, path string, header map[string]string, body string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return Answer{resp.StatusCode, resp.Header, answer}
}

func (s *Server) send(t *testing.T, method, path, token string, in any) (int, http.Header, []byte) {
	t.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			t.Fatal(err)
		}
	}
	header := map[string]string{}
	if token != "" {
		header["X-Auth-Token"] = token
	}
	a := s.Do(t, method, path, header, string(body))
	return a.Status, a.Header, a.Body
}

// Revoke ends a token of the user.
func (s *Server) Revoke(t *testing.T, token string) {
	t.Helper()
	a := s.Do(t, http.MethodDelete, "/v3/auth/tokens", map[string]string{"X-Auth-Token": token, "X-Subject-Token": token}, "")
	if a.Status != http.StatusNoContent {
		t.Fatalf("revoke a token: %d\n%s", a.Status, a.Body)
	}
}

// CreateOrg creates an organisation through the SWR API.
func (s *Server) CreateOrg(t *testing.T, name string) {
	t.Helper()
	s.Call(t, http.MethodPost, "/v2/manage/namespaces", map[string]string{"namespace": name}, nil)
}

// Register registers HOST:PORT/ORG/REPO:TAG as a ModelArts image and returns its id.
func (s *Server) Register(t *testing.T, path string) string {
	t.Helper()
	var image struct{ ID, Status string }
	s.Call(t, http.MethodPost, "/v1/"+s.Project+"/images", map[string]string{"swr_path": path}, &image)
	if image.ID == "" || image.Status != "ACTIVE" {
		t.Fatalf("registered %s: id %q, status %q", path, image.ID, image.Status)
	}
	return image.ID
}

// DeleteForced deletes an image with its content and returns what that freed.
func (s *Server) DeleteForced(t *testing.T, id string) Receipt {
	t.Helper()
	var image struct{ ID, Status string }
	header := s.Call(t, http.MethodDelete, "/v1/"+s.Project+"/images/"+id+"?force=true", nil, &image)
	if image.ID != id || image.Status != "DELETED" {
		t.Errorf("deleted %s: answer has id %q, status %q", id, image.ID, image.Status)
	}
	return ReceiptOf(t, header)
}

// ReceiptOf reads the receipt in the headers of a deletion.
func ReceiptOf(t *testing.T, header http.Header) Receipt {
	t.Helper()
	number := func(name string) int64 {
		n, err := strconv.ParseInt(header.Get(name), 10, 64)
		if err != nil {
			t.Errorf("header %s: %v", name, err)
		}
		return n
	}
	return Receipt{
		Freed:   number("X-Easel-Bytes-Freed"),
		Shared:  number("X-Easel-Bytes-Shared"),
		Pinned:  number("X-Easel-Bytes-Pinned"),
		Pending: number("X-Easel-Bytes-Pending"),
	}
}
