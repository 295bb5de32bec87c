package identity

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// NewUser says what a new user of the caller's domain is.
type NewUser struct {
	Name, Description string
	Password          string // "": the user logs in with access keys only
	Disabled          bool
}

// UserChange changes a user; nil leaves a field as it is.
type UserChange struct {
	Name, Description, Password *string
	Enabled                     *bool
}

// CreateUser makes a user without rights. Errors: Denied "user", Invalid
// "field" and "missing field", Exists "user".
func (s *Service) CreateUser(ctx context.Context, who easel.Principal, u NewUser) (catalog.Account, error) {
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.CreateUser, "user", "user "+u.Name); err != nil {
		return catalog.Account{}, err
	}
	if err := errors.Join(checkUserName(u.Name), checkDescription(u.Description)); err != nil {
		return catalog.Account{}, err
	}
	a := catalog.Account{
		ID: easel.NewID(), Name: u.Name, Description: u.Description, Enabled: !u.Disabled, Created: s.now().Truncate(time.Microsecond),
		Domain: catalog.Domain{ID: who.DomainID, Name: who.DomainName, Enabled: true},
	}
	if u.Password != "" {
		var err error
		if a.Password, err = s.newHash(ctx, u.Name, u.Password); err != nil {
			return catalog.Account{}, err
		}
	}
	return a, s.catalog.CreateAccount(ctx, who, a)
}

// UpdateUser changes a user of the caller's domain. Another password, and
// being disabled, end what the user is logged in for at once. Errors: NotFound
// "user", Denied "user", Invalid "field", Exists "user", InUse "administrator".
func (s *Service) UpdateUser(ctx context.Context, who easel.Principal, id string, c UserChange) (catalog.Account, error) {
	a, err := s.account(ctx, who, id, policy.UpdateUser)
	if err != nil {
		return a, err
	}
	change := catalog.AccountChange{Name: c.Name, Description: c.Description, Enabled: c.Enabled}
	if c.Name != nil {
		if err := checkUserName(*c.Name); err != nil {
			return a, err
		}
	}
	if c.Description != nil {
		if err := checkDescription(*c.Description); err != nil {
			return a, err
		}
	}
	if c.Password != nil {
		hash, err := s.newHash(ctx, a.Name, *c.Password)
		if err != nil {
			return a, err
		}
		change.Password = &hash
	}
	if err := s.catalog.UpdateAccount(ctx, who, a.Domain.ID, a.ID, change, able); err != nil {
		return a, err
	}
	return s.catalog.Account(ctx, a.ID)
}

// ChangePassword gives the caller another password, which ends its tokens.
// Errors: Denied "user" for another user; Unauthenticated "password" when
// original is not the present one; Invalid "field".
func (s *Service) ChangePassword(ctx context.Context, who easel.Principal, id, original, password string) error {
	if who.Anonymous() || who.UserID != id || who.Scopes != nil || who.Bound != nil {
		return easel.E(easel.Denied, "user", "%s may change the own password only; an administrator updates the user", who.UserName)
	}
	a, err := s.catalog.Account(ctx, id)
	if err != nil {
		return err
	}
	attempt := s.attempt(ctx, "password", Password{}.subject(a))
	if err := attempt.early(); err != nil {
		return err
	}
	ok, err := s.passwords.check(ctx, original, a.Password)
	if err == nil && !ok {
		err = easel.E(easel.Unauthenticated, "wrong password", "the original password is wrong")
	}
	if err := attempt.judge(err); err != nil {
		return err
	}
	hash, err := s.newHash(ctx, a.Name, password)
	if err != nil {
		return err
	}
	return s.catalog.UpdateAccount(ctx, who, a.Domain.ID, a.ID, catalog.AccountChange{Password: &hash}, able)
}

// DeleteUser removes a user of the caller's domain with keys, tokens,
// memberships and grants. Errors: NotFound "user", Denied "user", InUse
// "administrator" for the last one.
func (s *Service) DeleteUser(ctx context.Context, who easel.Principal, id string) error {
	a, err := s.account(ctx, who, id, policy.DeleteUser)
	if err != nil {
		return err
	}
	return s.catalog.DeleteAccount(ctx, who, a.Domain.ID, a.ID, able)
}

// account returns a user that who may do action to; one's own takes no right
// to look at. Errors: NotFound "user", also for another domain's; Denied "user".
func (s *Service) account(ctx context.Context, who easel.Principal, id string, action policy.Action) (catalog.Account, error) {
	a, err := s.catalog.Account(ctx, id)
	if own := err == nil && who.UserID == a.ID && who.Scopes == nil && action == policy.ShowUser; err == nil && !own {
		err = policy.Check(who, easel.Grants{Domain: a.Domain.ID}, action, "user", "user "+id)
	}
	if err == nil && action != policy.ShowUser {
		err = s.notAbove(ctx, who, a)
	}
	return a, absent(err, "user", "there is no user %.100s", id)
}

// notAbove is Denied when a may give and take rights and who, another user,
// may not: who sets the password of a user, or makes it a key, has its rights.
func (s *Service) notAbove(ctx context.Context, who easel.Principal, a catalog.Account) error {
	if who.UserID == a.ID || policy.Administers(who) {
		return nil
	}
	roles, err := s.catalog.HeldRoles(ctx, a.ID)
	if err != nil {
		return err
	}
	if able(a, roles) {
		return easel.E(easel.Denied, "user", "%s may not change a user who may give and take rights", who.UserName)
	}
	return nil
}

// Bounds of a new password, in characters.
const minPassword, maxNewPassword = 8, 128

func (s *Service) newHash(ctx context.Context, name, password string) (string, error) {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword || n > maxNewPassword || !utf8.ValidString(password):
		return "", easel.E(easel.Invalid, "field", "a password has %d to %d characters", minPassword, maxNewPassword)
	case strings.EqualFold(password, name):
		return "", easel.E(easel.Invalid, "field", "a password must not be the user's name")
	}
	return s.passwords.hash(ctx, password)
}

func checkName(what, name string) error {
	if name == "" {
		return easel.E(easel.Invalid, "missing field", "the name of the %s is required", what)
	}
	if !easel.IsAccountName(name) {
		return easel.E(easel.Invalid, "field", "%.80q is no name for a %s: want 1 to 64 letters, digits, spaces, '.', '_' and '-', the first a letter or digit", name, what)
	}
	return nil
}

func checkUserName(name string) error {
	if easel.IsSystem(name) {
		return easel.E(easel.Invalid, "field", "%s is what the server calls itself in the audit trail: choose another name", name)
	}
	return checkName("user", name)
}
