package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"easel"
)

// TestBodiesThatNeverCome: they hold no connection, whether anybody reads them
// or not.
func TestBodiesThatNeverCome(t *testing.T) {
	t.Parallel()
	const idle = 50 * time.Millisecond
	m := NewMux(func(w http.ResponseWriter, _ *http.Request, err error) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, easel.AsError(err).Msg)
	})
	m.idle = idle
	m.Handle("POST /read", func(_ http.ResponseWriter, r *http.Request) error {
		_, err := ReadJSON(r, &struct{}{})
		return err
	})
	m.Handle("POST /refused", func(http.ResponseWriter, *http.Request) error {
		return easel.E(easel.Denied, "", "no")
	})
	s := httptest.NewServer(Serve(m, ServeOptions{Idle: idle}))
	defer s.Close()
	for _, request := range []string{
		"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
		"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
		"POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"POST /refused HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
	} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // instead of a test that hangs
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(conn, request); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 418") {
			t.Errorf("%q: %q, %v; want a refusal and the end of the connection", request, got, err)
		}
	}
}

// TestPanicInAFamily: it is answered in the family's form, unless the answer has begun.
func TestPanicInAFamily(t *testing.T) {
	t.Parallel()
	m := NewMux(func(w http.ResponseWriter, r *http.Request, err error) {
		LogError(r, err)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, easel.AsError(err).Kind)
	})
	m.Handle("GET /early", func(http.ResponseWriter, *http.Request) error { panic("secret detail") })
	m.Handle("GET /late", func(w http.ResponseWriter, _ *http.Request) error {
		fmt.Fprint(w, "half")
		panic("secret detail")
	})
	s := httptest.NewServer(Serve(m, ServeOptions{}))
	defer s.Close()
	resp, err := http.Get(s.URL + "/early")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusTeapot || string(body) != "internal error" {
		t.Errorf("early: %d %q, %v", resp.StatusCode, body, err)
	}
	if resp, err := http.Get(s.URL + "/late"); err == nil {
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("late: %q came as if it were whole", body)
		}
	}
}
