package easelapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

// Exchanger gives credentials for tokens of other issuers.
type Exchanger interface {
	Exchange(ctx context.Context, trust, token string) (identity.Exchanged, error)
}

// Words of RFC 8693.
const (
	exchangeGrant  = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenURN = "urn:ietf:params:oauth:token-type:access_token"
)

// subjectTypes are the kinds of tokens that are taken.
var subjectTypes = []string{"urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt"}

// exchange serves the token exchange of RFC 8693; audience names the trust.
func (s *server) exchange(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	trust, token, err := readExchange(r)
	var e identity.Exchanged
	if err == nil {
		e, err = s.o.Exchange.Exchange(r.Context(), trust, token)
	}
	if err != nil {
		writeExchangeError(w, r, err)
		return nil
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		IssuedType  string `json:"issued_token_type"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"` // seconds
		Username    string `json:"registry_username"`
		Password    string `json:"registry_password"`
		AccessKey   string `json:"access_key"`
		SecretKey   string `json:"secret_key"`
		ProjectID   string `json:"project_id"`
		ProjectName string `json:"project_name"`
	}{e.Token, accessTokenURN, "N_A", int(e.Expires.Sub(e.Issued) / time.Second), e.User, e.Key, e.Access, e.Secret, e.Project.ID, e.Project.Name})
}

// readExchange returns what the form asks for: the trust, and the token.
func readExchange(r *http.Request) (trust, token string, err error) {
	form, err := readForm(r)
	if err != nil {
		return "", "", err
	}
	for _, name := range []string{"grant_type", "subject_token", "subject_token_type", "audience"} {
		if len(form[name]) != 1 || form.Get(name) == "" {
			return "", "", easel.E(easel.Invalid, "exchange", "%s is required, once; see RFC 8693, 2.1", name)
		}
	}
	switch requested := form.Get("requested_token_type"); {
	case form.Get("grant_type") != exchangeGrant:
		return "", "", easel.E(easel.Unsupported, "exchange", "grant_type must be %s", exchangeGrant)
	case !slices.Contains(subjectTypes, form.Get("subject_token_type")):
		return "", "", easel.E(easel.Invalid, "exchange", "subject_token_type must be %s or %s", subjectTypes[0], subjectTypes[1])
	case requested != "" && requested != accessTokenURN:
		return "", "", easel.E(easel.Invalid, "exchange", "requested_token_type must be %s", accessTokenURN)
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return "", "", easel.E(easel.Invalid, "exchange", "nobody acts for somebody else here: leave actor_token away")
	}
	return form.Get("audience"), form.Get("subject_token"), nil
}

// readForm reads a form from the body alone: tokens in a URL end up in logs.
func readForm(r *http.Request) (url.Values, error) {
	err := r.ParseForm()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, easel.E(easel.TooLarge, "body", "the body is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, easel.E(easel.Invalid, "exchange", "the body must be a form (application/x-www-form-urlencoded)").Because(err)
	}
	return r.PostForm, nil
}

// writeExchangeError writes the error of RFC 6749, 5.2, with the code and
// message of the other operations beside it.
func writeExchangeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	e := easel.AsError(err)
	a := wireOf(e)
	word := "invalid_request"
	switch e.Kind {
	case easel.Unsupported:
		word = "unsupported_grant_type"
	case easel.Invalid, easel.TooLarge:
	case easel.Unauthenticated:
		a.status = http.StatusBadRequest // RFC 8693, 2.2.2
	case easel.TooMany, easel.Unavailable:
		word = "temporarily_unavailable"
		api.RetryAfter(w.Header(), err, 1)
	default:
		word = "server_error"
	}
	// The status is out: an error here can only be a client that hung up.
	_ = api.WriteJSON(w, a.status, map[string]string{"error": word, "error_description": e.Msg, "error_code": a.code, "error_msg": e.Msg})
}
