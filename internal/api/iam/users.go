package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// user is a user on the wire (iam.md 5.6).
type user struct {
	ID                string    `json:"id"`
	Name              string    `json:"name"`
	DomainID          string    `json:"domain_id"`
	Enabled           bool      `json:"enabled"`
	IsDomainOwner     bool      `json:"is_domain_owner"`
	Description       string    `json:"description"`
	PasswordExpiresAt string    `json:"password_expires_at"` // "": never
	AccessMode        string    `json:"access_mode"`
	CreateTime        wireTime  `json:"create_time"`
	Links             listLinks `json:"links"`
}

func (s *server) user(r *http.Request, a catalog.Account) user {
	mode := "default" // by password and by access key
	if a.Password == "" {
		mode = "programmatic"
	}
	return user{
		ID: a.ID, Name: a.Name, DomainID: a.Domain.ID, Enabled: a.Enabled, IsDomainOwner: a.Admin, Description: a.Description, AccessMode: mode,
		CreateTime: wireTime(a.Created), Links: listLinks{Self: s.o.PublicURL(r) + "/v3/users/" + a.ID},
	}
}

func (s *server) writeUser(w http.ResponseWriter, r *http.Request, status int, a catalog.Account) error {
	return api.WriteJSON(w, status, struct {
		User user `json:"user"`
	}{s.user(r, a)})
}

func (s *server) writeUsers(w http.ResponseWriter, r *http.Request, found []catalog.Account) error {
	items := []user{}
	for _, a := range found {
		items = append(items, s.user(r, a))
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Users []user    `json:"users"`
		Links listLinks `json:"links"`
	}{items, s.linksOf(r)})
}

func (s *server) showUser(w http.ResponseWriter, r *http.Request) error {
	a, err := s.svc.User(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("user_id"))
	if err != nil {
		return err
	}
	return s.writeUser(w, r, http.StatusOK, a)
}

func (s *server) listUsers(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	enabled, err := optionalBool(q, "enabled")
	if err != nil {
		return err
	}
	found, err := s.svc.Users(r.Context(), easel.PrincipalFrom(r.Context()), q.Get("name"))
	if err != nil {
		return err
	}
	kept := []catalog.Account{}
	for _, a := range found {
		if (enabled == nil || a.Enabled == *enabled) && (q.Get("domain_id") == "" || a.Domain.ID == q.Get("domain_id")) {
			kept = append(kept, a)
		}
	}
	return s.writeUsers(w, r, kept)
}

// userFields are the fields of a user that a body may have.
type userFields struct {
	Name        *string `json:"name"`
	DomainID    string  `json:"domain_id"`
	Password    *string `json:"password"`
	Enabled     *bool   `json:"enabled"`
	Description *string `json:"description"`
}

func readUser(r *http.Request) (userFields, error) {
	var body struct {
		User *userFields `json:"user"`
	}
	if err := readJSON(r, &body); err != nil {
		return userFields{}, err
	}
	if body.User == nil {
		return userFields{}, missing("user")
	}
	return *body.User, nil
}

func (s *server) createUser(w http.ResponseWriter, r *http.Request) error {
	in, err := readUser(r)
	if err != nil {
		return err
	}
	who := easel.PrincipalFrom(r.Context())
	if err := ownDomain(who, in.DomainID); err != nil {
		return err
	}
	n := identity.NewUser{Name: value(in.Name), Description: value(in.Description), Password: value(in.Password), Disabled: in.Enabled != nil && !*in.Enabled}
	a, err := s.svc.CreateUser(r.Context(), who, n)
	if err != nil {
		return err
	}
	return s.writeUser(w, r, http.StatusCreated, a)
}

func (s *server) updateUser(w http.ResponseWriter, r *http.Request) error {
	in, err := readUser(r)
	if err != nil {
		return err
	}
	change := identity.UserChange{Name: in.Name, Description: in.Description, Password: in.Password, Enabled: in.Enabled}
	a, err := s.svc.UpdateUser(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("user_id"), change)
	if err != nil {
		return err
	}
	return s.writeUser(w, r, http.StatusOK, a)
}

func (s *server) changePassword(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		User struct {
			Password string `json:"password"`
			Original string `json:"original_password"`
		} `json:"user"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.User.Password == "" || body.User.Original == "" {
		return missing("user.password, with user.original_password,")
	}
	err := s.svc.ChangePassword(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("user_id"), body.User.Original, body.User.Password)
	return noContent(w, err)
}

func (s *server) deleteUser(w http.ResponseWriter, r *http.Request) error {
	return noContent(w, s.svc.DeleteUser(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("user_id")))
}

func (s *server) listUserGroups(w http.ResponseWriter, r *http.Request) error {
	found, err := s.svc.GroupsOf(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("user_id"))
	if err != nil {
		return err
	}
	return s.writeGroups(w, r, found)
}

// noContent answers 204 unless there is an error.
func noContent(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
