package iam

import (
	"net/http"
	"net/url"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

// RegistryAuthPath is where registry clients get their tokens; it is served
// with and without the slash at the end (iam.md 10.2).
const RegistryAuthPath = "/swr/auth/v2/registry/auth/"

// NewRegistryAuth returns the registry's token endpoint (iam.md 10.3).
func NewRegistryAuth(svc *identity.Service) *api.Mux {
	s := &registryAuth{svc}
	m := api.NewMux(writeRegistryError)
	bare := RegistryAuthPath[:len(RegistryAuthPath)-1]
	for _, path := range []string{bare, RegistryAuthPath + "{$}"} {
		m.Handle("GET "+path, s.get)
		m.Handle("POST "+path, s.post)
	}
	return m
}

type registryAuth struct{ svc *identity.Service }

// registryToken is the answer. POST also says what was granted.
type registryToken struct {
	Token       string  `json:"token"`
	AccessToken string  `json:"access_token"`
	Scope       *string `json:"scope,omitempty"`
	ExpiresIn   int     `json:"expires_in"` // seconds
	IssuedAt    string  `json:"issued_at"`
}

func (s *registryAuth) get(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	name, key, given := r.BasicAuth()
	if !given && r.Header.Get("Authorization") != "" {
		return easel.E(easel.Unauthenticated, "login", "the Authorization header must be Basic")
	}
	token, err := s.token(r, q.Get("service"), name, key, given, q["scope"])
	if err != nil {
		return err
	}
	return writeRegistryToken(w, token, false)
}

func (s *registryAuth) post(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if grant := form.Get("grant_type"); grant != "password" {
		return easel.E(easel.Invalid, "grant type", "grant_type must be password, not %.40q", grant)
	}
	token, err := s.token(r, form.Get("service"), form.Get("username"), form.Get("password"), true, form["scope"])
	if err != nil {
		return err
	}
	return writeRegistryToken(w, token, true)
}

// readForm reads a form from the body alone: credentials in a URL end up in logs.
func readForm(r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, easel.E(easel.Invalid, "form", "the body must be a form of at most %d bytes", maxBody).Because(err)
	}
	return r.PostForm, nil
}

func (s *registryAuth) token(r *http.Request, service, name, key string, login bool, scopes []string) (identity.RegistryToken, error) {
	if service != "" && service != identity.Audience {
		return identity.RegistryToken{}, easel.E(easel.Invalid, "service", "this is the token endpoint of the service %s", identity.Audience)
	}
	requested, err := identity.ParseScopes(scopes)
	if err != nil {
		return identity.RegistryToken{}, err
	}
	var who easel.Principal
	if login {
		if who, err = s.svc.CheckLogin(r.Context(), name, key); err != nil {
			return identity.RegistryToken{}, api.Refuse(r, err)
		}
	}
	if err := api.Admit(r, who); err != nil {
		return identity.RegistryToken{}, err
	}
	return s.svc.RegistryToken(r.Context(), who, requested)
}

func writeRegistryToken(w http.ResponseWriter, t identity.RegistryToken, scope bool) error {
	body := registryToken{
		Token: t.Token, AccessToken: t.Token,
		ExpiresIn: int(t.Expires.Sub(t.Issued) / time.Second), IssuedAt: t.Issued.UTC().Format(time.RFC3339),
	}
	if scope {
		granted := identity.FormatScopes(t.Granted)
		body.Scope = &granted
	}
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusOK, body)
}

// registryWire maps kinds to statuses and codes of the distribution family.
var registryWire = map[easel.Kind]answer{
	easel.Invalid:         {400, "UNSUPPORTED"},
	easel.Unauthenticated: {401, "DENIED"},
	easel.Denied:          {401, "DENIED"},
	easel.NotFound:        {404, "UNSUPPORTED"},
	easel.Unsupported:     {405, "UNSUPPORTED"},
	easel.TooMany:         {429, "TOOMANYREQUESTS"},
	easel.NoSpace:         {503, "UNAVAILABLE"},
	easel.Unavailable:     {503, "UNAVAILABLE"},
}

// writeRegistryError writes errors as the distribution specification does.
func writeRegistryError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	e := easel.AsError(err)
	a, ok := registryWire[e.Kind]
	if !ok {
		a = answer{500, "UNKNOWN"}
	}
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	api.RetryAfter(w.Header(), err, 0)
	// The status is out: an error here can only be a client that hung up.
	_ = api.WriteJSON(w, a.status, struct {
		Errors []entry `json:"errors"`
	}{[]entry{{a.code, e.Msg}}})
}
