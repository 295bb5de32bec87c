// Package client speaks to an Easel server with requests signed by an access
// key (iam.md section 8, the plain layout). It knows how to ask and how to
// read a refusal; what to ask is up to its caller.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 64 << 20

// Credentials say who is asking, and in which project.
type Credentials struct {
	AccessKey, SecretKey string
	ProjectID            string // empty: the server takes the caller's region project
}

// Client asks one server on behalf of one access key. It is safe for
// concurrent use.
type Client struct {
	base  string
	creds Credentials
	http  *http.Client
	clock func() time.Time
	extra http.Header // of every call
}

// New returns a Client for the server at base, "http://HOST:PORT".
func New(base string, creds Credentials) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%q is no server address: want http://HOST:PORT or https://HOST", base)
	}
	return &Client{
		base: strings.TrimSuffix(u.Scheme+"://"+u.Host+u.Path, "/"), creds: creds, clock: time.Now,
		http: &http.Client{
			Transport:     http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Server returns the address the client was made with.
func (c *Client) Server() string { return c.base }

// SetHeader adds a header to all calls to come. It must not run beside one.
func (c *Client) SetHeader(name, value string) {
	if c.extra == nil {
		c.extra = http.Header{}
	}
	c.extra.Set(name, value)
}

// Call is one request. Path is escaped as url.URL.EscapedPath would.
type Call struct {
	Method, Path string
	Query        url.Values
	In           any        // sent as JSON; nil: no body
	Form         url.Values // sent as a form instead
	Out          any        // decoded from JSON; nil: ignored
	Header       http.Header
}

// Error is a refusal by the server.
type Error struct {
	Status    int    // HTTP
	Code      string // of the family that answered, or ""
	Message   string
	RequestID string
}

// Error returns message, code and request id.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Status >= 500 && e.RequestID != "" {
		text += "; request " + e.RequestID
	}
	return text
}

// IsStatus reports whether err is a refusal with that HTTP status.
func IsStatus(err error, status int) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == status
}

// Do signs and sends a call and returns the answer's header. A status of 300
// or more is an *Error.
func (c *Client) Do(ctx context.Context, call Call) (http.Header, error) {
	r, err := c.request(ctx, call)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if resp.StatusCode >= 300 {
		return resp.Header, refusal(resp, body)
	}
	if call.Out == nil || len(bytes.TrimSpace(body)) == 0 {
		return resp.Header, nil
	}
	if err := json.Unmarshal(body, call.Out); err != nil {
		return resp.Header, fmt.Errorf("the answer to %s %s is not what an Easel server sends: %w", call.Method, call.Path, err)
	}
	return resp.Header, nil
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	var body []byte
	if call.In != nil {
		var err error
		if body, err = json.Marshal(call.In); err != nil {
			return nil, err
		}
	}
	contentType := "application/json"
	if call.Form != nil {
		body, contentType = []byte(call.Form.Encode()), "application/x-www-form-urlencoded"
	}
	address := c.base + call.Path
	if len(call.Query) > 0 {
		address += "?" + strings.ReplaceAll(call.Query.Encode(), "+", "%20")
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range call.Header {
		r.Header[name] = values
	}
	for name, values := range c.extra {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "easel")
	if c.creds.ProjectID != "" {
		r.Header.Set("X-Project-Id", c.creds.ProjectID)
	}
	if c.creds.AccessKey != "" {
		sign(r, body, c.creds, c.clock())
	}
	return r, nil
}

// refusal reads the error envelopes of all families: error_code with error_msg
// (IAM, SWR, images, Easel) and the OCI list.
func refusal(resp *http.Response, body []byte) error {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	var wire struct {
		Code    string `json:"error_code"`
		Message string `json:"error_msg"`
		Errors  []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	// A body of another form leaves the status to speak for itself.
	if json.Unmarshal(body, &wire) == nil {
		e.Code, e.Message = wire.Code, wire.Message
		if e.Code == "" && len(wire.Errors) > 0 {
			e.Code, e.Message = wire.Errors[0].Code, wire.Errors[0].Message
		}
	}
	return e
}
