package issuer

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"easel"
)

// Client says as whom we speak to a provider that people log in to.
type Client struct {
	Issuer string
	ID     string
	Secret string   // "" for a public client
	Scopes []string // besides openid
}

// Provider is an OpenID provider that people log in to. It is safe for
// concurrent use.
type Provider struct {
	c      Client
	remote *remote
}

// NewProvider returns a provider. It is asked when it is first needed; now is
// what the time is.
func NewProvider(c Client, now func() time.Time) *Provider {
	return &Provider{c: c, remote: newRemote(c.Issuer, trustedClient(), now)}
}

// Close lets go of idle connections.
func (p *Provider) Close() { p.remote.client.CloseIdleConnections() }

// Authorization is what the log-in of a browser begins with. State and nonce
// come back; Challenge is the S256 challenge of RFC 7636.
type Authorization struct{ RedirectURI, State, Nonce, Challenge string }

// AuthorizationURL returns where a browser logs in. Errors: Unavailable "issuer".
func (p *Provider) AuthorizationURL(ctx context.Context, a Authorization) (string, error) {
	config, _, err := p.config(ctx)
	if err != nil {
		return "", err
	}
	config.RedirectURL = a.RedirectURI
	return config.AuthCodeURL(a.State, oidc.Nonce(a.Nonce),
		oauth2.SetAuthURLParam("code_challenge", a.Challenge), oauth2.SetAuthURLParam("code_challenge_method", "S256")), nil
}

// Code is what a browser brought back, with the secrets that it began with.
type Code struct{ Code, RedirectURI, Verifier, Nonce string }

// Redeem returns the ID token for a code. Errors: Unauthenticated "sso",
// Unavailable "issuer".
func (p *Provider) Redeem(ctx context.Context, c Code) (Token, error) {
	t, err := p.exchange(ctx, c.Code, c.RedirectURI, oauth2.VerifierOption(c.Verifier))
	if err == nil && (c.Nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(c.Nonce)) != 1) {
		err = refused(errors.New("the nonce is not that of the log-in"))
	}
	return t, err
}

// Device is a log-in that is finished on another device (RFC 8628).
type Device struct {
	Code        string // the secret with which to ask whether it is finished
	UserCode    string // what its user types at URI
	URI         string
	CompleteURI string        // with the user code in it; may be ""
	Life        time.Duration // until it is too late
	Interval    time.Duration // between two questions
}

// Device begins a log-in on another device. Errors: Unsupported "device",
// Unauthenticated "sso", Unavailable "issuer".
func (p *Provider) Device(ctx context.Context) (Device, error) {
	config, _, err := p.config(ctx)
	if err != nil {
		return Device{}, err
	}
	if config.Endpoint.DeviceAuthURL == "" {
		return Device{}, easel.E(easel.Unsupported, "device", "the identity provider has no log-in by device code; use a browser on this machine")
	}
	a, err := config.DeviceAuth(p.outward(ctx), p.secret()...)
	if err != nil {
		return Device{}, failed(err)
	}
	if a.DeviceCode == "" || a.UserCode == "" || a.VerificationURI == "" {
		return Device{}, unavailable(errors.New("the answer to a device authorization request is incomplete"))
	}
	d := Device{Code: a.DeviceCode, UserCode: a.UserCode, URI: a.VerificationURI, CompleteURI: a.VerificationURIComplete,
		Life: min(time.Until(a.Expiry), maxDevice), Interval: 5 * time.Second} // RFC 8628, 3.2
	if 0 < a.Interval && a.Interval <= 60 {
		d.Interval = time.Duration(a.Interval) * time.Second
	}
	return d, nil
}

// maxDevice is how long a log-in on another device may take.
const maxDevice = time.Hour

// secret is how a confidential client proves itself where there is no
// standard way to find out.
func (p *Provider) secret() []oauth2.AuthCodeOption {
	if p.c.Secret == "" {
		return nil
	}
	return []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("client_secret", p.c.Secret)}
}

// What PollDevice returns while its user is not done.
var (
	ErrPending  = errors.New("the log-in is not finished")
	ErrSlowDown = errors.New("asked too often") // ask 5 s later from now on
)

// PollDevice returns the ID token of a log-in on another device. Errors:
// ErrPending and ErrSlowDown; Unauthenticated "sso" when it was refused or took too
// long; Unavailable "issuer".
func (p *Provider) PollDevice(ctx context.Context, code string) (Token, error) {
	t, err := p.exchange(ctx, "", "", oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), oauth2.SetAuthURLParam("device_code", code))
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		switch answer.ErrorCode {
		case "authorization_pending":
			return Token{}, ErrPending
		case "slow_down":
			return Token{}, ErrSlowDown
		}
	}
	return t, err
}

// exchange asks the token endpoint and checks the ID token that it sends.
func (p *Provider) exchange(ctx context.Context, code, redirect string, options ...oauth2.AuthCodeOption) (Token, error) {
	config, about, err := p.config(ctx)
	if err != nil {
		return Token{}, err
	}
	config.RedirectURL = redirect
	answer, err := config.Exchange(p.outward(ctx), code, options...)
	if err != nil {
		return Token{}, failed(err)
	}
	text, _ := answer.Extra("id_token").(string)
	if text == "" {
		return Token{}, unavailable(errors.New("the provider sends no ID token; does the client have the scope openid?"))
	}
	t, err := verify(ctx, about.keys, text, p.c.Issuer, p.c.ID, p.remote.now())
	if err != nil && !errors.Is(err, easel.Unavailable) {
		err = refused(err)
	}
	return t, err
}

func (p *Provider) outward(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.remote.client)
}

func (p *Provider) config(ctx context.Context) (oauth2.Config, *published, error) {
	about, err := p.remote.about(ctx)
	if err != nil {
		return oauth2.Config{}, nil, err
	}
	scopes := []string{oidc.ScopeOpenID}
	for _, s := range p.c.Scopes {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	at := about.provider.Endpoint()
	if at.AuthStyle = oauth2.AuthStyleInHeader; p.c.Secret == "" || about.inBody { // never tried out: a code can be used once
		at.AuthStyle = oauth2.AuthStyleInParams
	}
	return oauth2.Config{ClientID: p.c.ID, ClientSecret: p.c.Secret, Endpoint: at, Scopes: scopes}, about, nil
}

// failed says what the token endpoint's refusal means for who logs in.
func failed(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response != nil && answer.Response.StatusCode >= http.StatusInternalServerError {
		return unavailable(err)
	}
	switch answer.ErrorCode {
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return easel.E(easel.Unavailable, "issuer", "the identity provider refuses Easel's client; whoever runs the server finds the reason in its log").Because(err)
	}
	return refused(err)
}

// refused is the one answer to whoever cannot prove who they are; the reason
// is for the log.
func refused(reason error) error {
	return easel.E(easel.Unauthenticated, "sso", "the log-in was not completed, or took too long; begin again").Because(fmt.Errorf("single sign-on: %w", reason))
}
