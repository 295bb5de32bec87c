package iam

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

// NewAuthenticator returns what the families with IAM credentials share
// (iam.md 1.1): an access key's signature decides if there is one, then the
// token in X-Auth-Token. Errors are those of [identity.Service.Verify] and
// [identity.Service.VerifyToken], and Unauthenticated "credential" when there
// is nothing to check.
func NewAuthenticator(svc *identity.Service) api.Authenticator { return authenticator{svc} }

type authenticator struct{ svc *identity.Service }

// Authenticate implements [api.Authenticator].
func (a authenticator) Authenticate(r *http.Request) (easel.Principal, error) {
	who, err := a.authenticate(r)
	if err != nil {
		return easel.Principal{}, api.Refuse(r, err)
	}
	return who, api.Admit(r, who)
}

// Reauthenticate implements [api.Reauthenticator]. A signature holds for 15
// minutes, as at the first time.
func (a authenticator) Reauthenticate(r *http.Request) (easel.Principal, error) {
	return a.authenticate(r)
}

func (a authenticator) authenticate(r *http.Request) (easel.Principal, error) {
	authorization := r.Header.Values("Authorization")
	token := r.Header.Values("X-Auth-Token")
	switch {
	case slices.ContainsFunc(authorization, identity.Signs):
		return a.svc.Verify(r.Context(), signedRequest(r))
	case len(token) == 1 && token[0] != "":
		return a.svc.VerifyToken(r.Context(), token[0])
	case len(token) > 1:
		return easel.Principal{}, easel.E(easel.Unauthenticated, "token", "X-Auth-Token may be sent once only")
	case len(authorization) > 0:
		return easel.Principal{}, easel.E(easel.Unauthenticated, "signature format", "the Authorization header is of a kind that is not served here")
	}
	return easel.Principal{}, easel.E(easel.Unauthenticated, "credential", "x-auth-token not found")
}

func signedRequest(r *http.Request) identity.SignedRequest {
	return identity.SignedRequest{
		Method: r.Method, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.Host, Header: r.Header,
		Body: func() ([]byte, error) { return takeBody(r) },
	}
}

// takeBody reads the body and leaves an equal one in its place.
func takeBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, identity.MaxSignedBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, easel.E(easel.TooLarge, "body", "the body of a signed request has at most %d bytes", identity.MaxSignedBody)
	}
	if err != nil {
		return nil, easel.E(easel.Invalid, "body", "the body could not be read").Because(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}
