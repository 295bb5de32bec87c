package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"easel/internal/client"
)

// ssoPath is where the identity providers of a server are.
const ssoPath = "/easel/v1/sso"

// browserWait is how long a browser may take to log in.
const browserWait = 10 * time.Minute

// signOn is a log-in by single sign-on under way.
type signOn struct {
	client   *client.Client
	provider string
	machine  string // on which it is made
	s        *streams
}

// ssoSession is what a log-in gives; Status is there instead while it is not finished.
type ssoSession struct {
	Status    string    `json:"status"`
	AccessKey string    `json:"access_key"`
	SecretKey string    `json:"secret_key"`
	ExpiresAt time.Time `json:"expires_at"`
	UserName  string    `json:"user_name"`
}

// signOn logs in by single sign-on: in a browser on this machine, or on
// another device.
func (c *loginCommand) signOn(ctx context.Context, s *streams, server string) (ssoSession, error) {
	cl, err := client.New(server, client.Credentials{})
	if err != nil {
		return ssoSession{}, err
	}
	defer cl.Close()
	o := signOn{client: cl, s: s, machine: thisMachine()}
	if o.provider, err = chooseProvider(ctx, cl, c.Provider); err != nil {
		return ssoSession{}, err
	}
	if c.Device {
		return o.device(ctx)
	}
	return o.browser(ctx)
}

// thisMachine describes the key that a log-in makes.
func thisMachine() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed machine"
	}
	return "easel login on " + host
}

// chooseProvider returns the provider called want, or the only one.
func chooseProvider(ctx context.Context, cl *client.Client, want string) (string, error) {
	var found struct {
		Providers []struct {
			Name string `json:"name"`
		} `json:"providers"`
	}
	if _, err := cl.Do(ctx, client.Call{Method: http.MethodGet, Path: ssoPath, Out: &found}); err != nil {
		return "", err
	}
	var names []string
	for _, p := range found.Providers {
		if p.Name == want {
			return want, nil
		}
		names = append(names, p.Name)
	}
	switch {
	case len(names) == 0:
		return "", errors.New("the server has no single sign-on; log in with --access-key or --user")
	case want != "":
		return "", fmt.Errorf("there is no identity provider %s; there are: %s", want, strings.Join(names, ", "))
	case len(names) > 1:
		return "", fmt.Errorf("which identity provider? --provider NAME, one of: %s", strings.Join(names, ", "))
	}
	return names[0], nil
}

// post sends in to a path below the provider's.
func (o *signOn) post(ctx context.Context, path string, in, out any) error {
	_, err := o.client.Do(ctx, client.Call{Method: http.MethodPost, Path: ssoPath + "/" + url.PathEscape(o.provider) + path, In: in, Out: out})
	return err
}

// browser logs in with an authorization code (RFC 8252): the provider sends
// the browser back to an address of this machine.
func (o *signOn) browser(ctx context.Context) (ssoSession, error) {
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return ssoSession{}, fmt.Errorf("listen for the browser: %w; use --device", err)
	}
	state, nonce, verifier := random(), random(), random()
	challenge := sha256.Sum256([]byte(verifier))
	redirect := "http://" + l.Addr().String() + "/callback"
	back := &callback{state: state, came: make(chan url.Values, 1)}
	server := &http.Server{Handler: back, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer stop(ctx, server)
	var at struct {
		URL string `json:"authorization_url"`
	}
	if err := o.post(ctx, "/authorization", map[string]string{"redirect_uri": redirect, "state": state, "nonce": nonce,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:])}, &at); err != nil {
		return ssoSession{}, err
	}
	fmt.Fprintf(o.s.err, "Log in with a browser on this machine (from another one: --device):\n\n  %s\n\n", at.URL)
	openBrowser(ctx, at.URL)
	select {
	case <-ctx.Done():
		return ssoSession{}, errors.New("nobody logged in; begin again")
	case q := <-back.came:
		if q.Get("code") == "" {
			return ssoSession{}, fmt.Errorf("the identity provider did not log you in: %.200q %.200q", q.Get("error"), q.Get("error_description"))
		}
		var made ssoSession
		err := o.post(ctx, "/session", map[string]string{"code": q.Get("code"), "redirect_uri": redirect, "code_verifier": verifier, "nonce": nonce, "client": o.machine}, &made)
		return made, err
	}
}

// stop ends the server, when what it has to say to the browser was said.
func stop(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close() // a browser that keeps a connection open without asking anything
	}
}

// random returns what nobody can guess, in a form that URLs and RFC 7636 allow.
func random() string {
	var secret [32]byte
	rand.Read(secret[:])
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// callback is where the browser comes back to. Whoever does not know the state
// is not the browser that was sent out, and is not listened to.
type callback struct {
	state string
	came  chan url.Values
}

// ServeHTTP implements http.Handler.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet || r.URL.Path != "/callback" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(c.state)) != 1 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, "This is not the log-in that easel waits for.")
		return
	}
	select {
	case c.came <- q:
		fmt.Fprintln(w, "easel goes on in the terminal; this window can be closed.")
	default:
		fmt.Fprintln(w, "easel has heard of this log-in already.")
	}
}

// openBrowser shows a page in the user's browser, $BROWSER if that is set.
// Where there is none the user has the address. The browser stays when the
// log-in is over.
func openBrowser(ctx context.Context, address string) {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return // a server must not choose what else is opened
	}
	var command []string
	switch browser := os.Getenv("BROWSER"); {
	case browser != "":
		command = []string{browser}
	case runtime.GOOS == "darwin":
		command = []string{"open"}
	case runtime.GOOS == "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		command = []string{"xdg-open"}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], append(command[1:], address)...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // how it ends says nothing about the log-in
	}
}

// device logs in on another device (RFC 8628).
func (o *signOn) device(ctx context.Context) (ssoSession, error) {
	var d struct {
		DeviceCode  string `json:"device_code"`
		UserCode    string `json:"user_code"`
		URI         string `json:"verification_uri"`
		CompleteURI string `json:"verification_uri_complete"`
		ExpiresIn   int    `json:"expires_in"`
		Interval    int    `json:"interval"`
	}
	if err := o.post(ctx, "/device", nil, &d); err != nil {
		return ssoSession{}, err
	}
	fmt.Fprintf(o.s.err, "Log in on any device:\n\n  %s\n  code: %s\n\n", d.URI, d.UserCode)
	if d.CompleteURI != "" {
		fmt.Fprintf(o.s.err, "or, with the code in it:\n\n  %s\n\n", d.CompleteURI)
	}
	interval := time.Duration(d.Interval) * time.Second
	ctx, cancel := context.WithTimeout(ctx, time.Duration(d.ExpiresIn)*time.Second)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ssoSession{}, errors.New("nobody logged in while the code was good; begin again")
		case <-time.After(interval):
		}
		var made ssoSession
		err := o.post(ctx, "/session", map[string]string{"device_code": d.DeviceCode, "client": o.machine}, &made)
		switch {
		case client.IsStatus(err, http.StatusTooManyRequests), client.IsStatus(err, http.StatusServiceUnavailable), made.Status == "slow_down":
			interval += 5 * time.Second // RFC 8628, 3.5
		case made.Status == "pending":
		case ctx.Err() != nil: // the next turn says so
		default:
			return made, err
		}
	}
}
