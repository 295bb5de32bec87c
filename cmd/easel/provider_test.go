package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"easel/internal/issuer/issuertest"
)

// identityProviders has the identity provider of each script, by work directory.
var identityProviders sync.Map

// provider is an identity provider: "provider start" sets ISSUER to its
// address, "provider as CLAIMS" says who logs in from now on, "provider finish" ends
// the log-in on another device, "provider token FILE CLAIMS" writes a token.
func provider(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "start" {
		p := issuertest.Start(time.Now)
		ts.Defer(p.Close)
		identityProviders.Store(ts.Getenv("WORK"), p)
		ts.Setenv("ISSUER", p.Issuer())
		return
	}
	found, ok := identityProviders.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no identity provider")
	}
	p := found.(*issuertest.Provider)
	if args[0] == "finish" {
		p.Finish()
		return
	}
	claims := issuertest.Claims{}
	ts.Check(json.Unmarshal([]byte(args[len(args)-1]), &claims))
	if args[0] == "token" {
		text, err := p.Token(claims)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text+"\n"), 0o600))
		return
	}
	p.As(claims)
}

// browser opens a page as a browser does, following where it is sent.
func browser() {
	resp, err := http.Get(os.Args[1])
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(os.Stderr, resp.Body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
