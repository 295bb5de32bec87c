package server

import (
	"net/http"
	"testing"
)

// NewDomain makes another domain through the API and returns the same server
// as that domain's administrator sees it.
func (s *Server) NewDomain(t *testing.T, name string) *Server {
	t.Helper()
	var made struct {
		Project       struct{ ID string }
		Administrator struct{ ID, Name, Password, Access, Secret string }
	}
	s.Call(t, http.MethodPost, "/v3/domains", map[string]any{"domain": map[string]string{"name": name}}, &made)
	other := *s
	other.Domain, other.Project = name, made.Project.ID
	other.User, other.UserID, other.Password = made.Administrator.Name, made.Administrator.ID, made.Administrator.Password
	other.AccessKey, other.SecretKey = made.Administrator.Access, made.Administrator.Secret
	return &other
}

// NewUser makes a user of the domain who has no rights yet, and returns the
// same server as that user sees it.
func (s *Server) NewUser(t *testing.T, name string) *Server {
	t.Helper()
	other := *s
	other.User, other.Password = name, random(16)
	var user struct{ User struct{ ID string } }
	s.Call(t, http.MethodPost, "/v3/users", map[string]any{"user": map[string]string{"name": name, "password": other.Password}}, &user)
	other.UserID = user.User.ID
	other.NewKey(t)
	return &other
}

// NewKey gives the user another access key, which counts from now on.
func (s *Server) NewKey(t *testing.T) {
	t.Helper()
	id := s.UserID
	var key struct {
		Credential struct{ Access, Secret string }
	}
	s.Call(t, http.MethodPost, "/v3.0/OS-CREDENTIAL/credentials", map[string]any{"credential": map[string]string{"user_id": id}}, &key)
	s.AccessKey, s.SecretKey = key.Credential.Access, key.Credential.Secret
}

// Grant gives a user a level on an organisation: 1 read, 3 edit, 7 manage.
func (s *Server) Grant(t *testing.T, org string, to *Server, level int) {
	t.Helper()
	s.Call(t, http.MethodPost, "/v2/manage/namespaces/"+org+"/access", []any{map[string]any{"user_id": to.UserID, "user_name": to.User, "auth": level}}, nil)
}
