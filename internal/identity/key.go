package identity

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// KeyChange changes an access key; nil leaves a field as it is.
type KeyChange struct {
	Active      *bool
	Description *string
}

// maxDescription bounds a key's description, in characters.
const maxDescription = 255

// CreateKey makes an access key for a user and returns it with its secret,
// which nobody can read again. Errors: Denied "user", also for one that does
// not exist; TooMany "key"; Invalid "field".
func (s *Service) CreateKey(ctx context.Context, who easel.Principal, userID, description string) (catalog.AccessKey, string, error) {
	if err := checkDescription(description); err != nil {
		return catalog.AccessKey{}, "", err
	}
	account, err := s.managed(ctx, who, userID)
	if errors.Is(err, easel.NotFound) {
		return catalog.AccessKey{}, "", easel.E(easel.Denied, "user", "%s may not make an access key for that user", who.UserName)
	}
	if err != nil {
		return catalog.AccessKey{}, "", err
	}
	if err := s.mayOwnKeys(ctx, who, account.ID); err != nil {
		return catalog.AccessKey{}, "", err
	}
	k := catalog.AccessKey{Access: newAccess(), Account: account.ID, Description: description, Active: true}
	secret := newSecret()
	if k.Secret, err = s.seal(k.Access, secret); err != nil {
		return catalog.AccessKey{}, "", err
	}
	at, err := s.catalog.AddKey(ctx, k, s.o.MaxKeys)
	k.Created, k.Used, k.Secret = at, at, nil
	return k, secret, err
}

// Keys returns the access keys of a user, oldest first, without secrets.
// Errors: NotFound "user", Denied "user".
func (s *Service) Keys(ctx context.Context, who easel.Principal, userID string) ([]catalog.AccessKey, error) {
	account, err := s.managed(ctx, who, userID)
	if err != nil {
		return nil, err
	}
	return s.catalog.AccountKeys(ctx, account.ID)
}

// Key returns an access key without its secret. Errors: NotFound "key",
// Denied "key".
func (s *Service) Key(ctx context.Context, who easel.Principal, access string) (catalog.AccessKey, error) {
	owner, err := s.catalog.KeyOwner(ctx, access)
	if err == nil {
		err = mayManage(who, owner.Account, policy.ManageKeys, "key", "access key "+owner.Key.Access)
	}
	if err != nil {
		return catalog.AccessKey{}, absent(err, "key", "there is no access key %.64q", access)
	}
	owner.Key.Secret = nil
	return owner.Key, nil
}

// UpdateKey changes an access key and returns it. An inactive key stops
// signing and logging in at once. Errors: NotFound "key", Denied "key", Invalid "field".
func (s *Service) UpdateKey(ctx context.Context, who easel.Principal, access string, c KeyChange) (catalog.AccessKey, error) {
	if c.Description != nil {
		if err := checkDescription(*c.Description); err != nil {
			return catalog.AccessKey{}, err
		}
	}
	if _, err := s.Key(ctx, who, access); err != nil {
		return catalog.AccessKey{}, err
	}
	if err := s.catalog.UpdateKey(ctx, access, c.Active, c.Description); err != nil {
		return catalog.AccessKey{}, err
	}
	return s.Key(ctx, who, access)
}

// DeleteKey removes an access key: it stops signing and logging in at once.
// Errors: NotFound "key", Denied "key".
func (s *Service) DeleteKey(ctx context.Context, who easel.Principal, access string) error {
	if _, err := s.Key(ctx, who, access); err != nil {
		return err
	}
	return s.catalog.DeleteKey(ctx, access)
}

// managed returns the account with this id, if who may look after its keys.
func (s *Service) managed(ctx context.Context, who easel.Principal, userID string) (catalog.Account, error) {
	account, err := s.catalog.Account(ctx, userID)
	if err == nil {
		err = mayManage(who, account, policy.ManageKeys, "user", "user "+userID)
	}
	if err == nil {
		err = s.notAbove(ctx, who, account)
	}
	return account, absent(err, "user", "there is no user %.100s", userID)
}

// absent gives what is missing and what is hidden from the caller the same
// words: nobody shall learn which of the two it is.
func absent(err error, noun easel.Noun, format string, args ...any) error {
	if errors.Is(err, easel.NotFound) {
		return easel.E(easel.NotFound, noun, format, args...)
	}
	return err
}

func checkDescription(s string) error {
	if utf8.RuneCountInString(s) > maxDescription || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return easel.E(easel.Invalid, "field", "a description is text of at most %d characters", maxDescription)
	}
	return nil
}
