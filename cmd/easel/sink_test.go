package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// sinks has the receiver of each script, by work directory.
var sinks sync.Map

// receiver keeps what was sent to it.
type receiver struct {
	*httptest.Server
	came chan string
}

// sink receives webhooks: "sink start" sets SINK to its address, "sink next
// FILE" waits for a request and writes it to FILE.
func sink(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "start" {
		r := &receiver{came: make(chan string, 100)}
		r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			var text strings.Builder
			_ = req.Header.Write(&text) // to memory
			body, _ := io.ReadAll(req.Body)
			r.came <- text.String() + "\n" + string(body)
		}))
		ts.Defer(r.Close)
		sinks.Store(ts.Getenv("WORK"), r)
		ts.Setenv("SINK", r.URL)
		return
	}
	r, ok := sinks.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no sink")
	}
	select {
	case text := <-r.(*receiver).came:
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
	case <-time.After(30 * time.Second):
		ts.Fatalf("nothing came")
	}
}
