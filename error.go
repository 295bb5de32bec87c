package easel

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of an error: what a program decides on. Each protocol
// edge maps kinds (and nouns) to its own status codes; nothing below an edge
// knows a status code. A Kind is itself an error, so that
// errors.Is(err, easel.NotFound) needs no helper.
type Kind uint8

// The kinds. Internal is the zero value: an error nobody classified is ours,
// and its text is for the log only.
const (
	Internal        Kind = iota
	Invalid              // the request cannot be understood or breaks a documented bound
	Unauthenticated      // nobody knows who is asking
	Denied               // known, but may not
	NotFound             // absent, or hidden from the caller
	Exists               // the name is taken
	InUse                // something that exists needs it; Msg names what
	Changed              // reality is not what the caller insisted on
	TooLarge             // over a documented limit
	Range                // a byte range that cannot be satisfied, or an upload chunk out of order
	TooMany              // asked too often, or too many at once
	NoSpace              // the disk or the database is full
	Unavailable          // try again later
	Unsupported          // a thing the protocol allows and Easel does not do
)

var kindText = [...]string{
	Internal: "internal error", Invalid: "invalid", Unauthenticated: "not authenticated", Denied: "denied",
	NotFound: "not found", Exists: "already exists", InUse: "in use", Changed: "changed meanwhile",
	TooLarge: "too large", Range: "range not satisfiable", TooMany: "too many requests", NoSpace: "no space left",
	Unavailable: "unavailable", Unsupported: "not supported",
}

// Error returns the kind in words.
func (k Kind) Error() string { return kindText[k] }

// Noun is the kind of thing an [Error] is about; edges use it to choose a
// code ("manifest", "blob", "repository", "organisation", "tag", "digest",
// "upload", "image", "group", "project", "domain", "user", "key", "token",
// "workspace", …).
type Noun string

// Error is the only error type that crosses a package boundary with a meaning.
type Error struct {
	Kind Kind
	Noun Noun
	Msg  string // for the user: what is wrong and what to do; never SQL, a Go type or a secret
	Err  error  // for the log
	// Retry is when it makes sense to ask again, for TooMany and what else ends
	// by itself; 0 when nobody knows.
	Retry time.Duration

	blocker *Blocker // see Blocked
}

// E makes an error whose message is for the user.
func E(kind Kind, noun Noun, format string, args ...any) *Error {
	return &Error{Kind: kind, Noun: noun, Msg: fmt.Sprintf(format, args...)}
}

// Because attaches the cause, which is logged and never shown, and returns e.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// After says when it makes sense to ask again, and returns e.
func (e *Error) After(d time.Duration) *Error { e.Retry = d; return e }

// Error returns message and cause.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Msg
	case e.Msg == "":
		return e.Err.Error()
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is this error's kind.
func (e *Error) Is(target error) bool { return target == e.Kind }

// AsError returns the outermost *Error in err's chain. An error without one is Internal
// with a message that tells a stranger nothing.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Msg: "internal error; the server's log has the cause under this request's id", Err: err}
}
