package swr

import (
	"encoding/base64"
	"net/http"

	"easel"
	"easel/internal/api"
)

// expiry is how the end of a login command is written: with six fraction digits.
const expiry = "2006-01-02T15:04:05.000000Z"

// dockerAuth is one registry in docker's own configuration file.
type dockerAuth struct {
	Auth string `json:"auth"`
}

// createSecret answers a login command for docker (swr.md 11).
func (s *server) createSecret(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r, "projectname")
	if err != nil {
		return err
	}
	login, err := s.o.Identity.NewDockerLogin(r.Context(), easel.PrincipalFrom(r.Context()), q.values["projectname"])
	if err != nil {
		return err
	}
	host := s.host(r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Swr-Dockerlogin", "docker login -u "+login.User+" -p "+login.Key+" "+host)
	w.Header().Set("X-Swr-Expireat", login.Expires.UTC().Format(expiry))
	auth := base64.StdEncoding.EncodeToString([]byte(login.User + ":" + login.Key))
	return api.WriteJSON(w, http.StatusOK, map[string]map[string]dockerAuth{"auths": {host: {auth}}})
}
