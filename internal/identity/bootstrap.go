package identity

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"easel"
	"easel/internal/catalog"
)

// Bootstrap says what the first start makes. What is empty takes the default
// named, or is random.
type Bootstrap struct {
	DomainName    string // "easel"
	ProjectID     string
	ProjectName   string // "eu-de"
	AdminName     string // "admin"
	AdminPassword string
	AccessKey     string
	SecretKey     string
}

// FirstLogin is how to log in after the first start. Password and SecretKey
// are set only when they were generated: nobody can read them again.
type FirstLogin struct {
	DomainID, DomainName   string
	ProjectID, ProjectName string
	UserID, UserName       string
	Password               string
	AccessKey, SecretKey   string
}

var (
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	accessPattern = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)
)

func (b *Bootstrap) setDefaults() {
	for _, d := range []struct {
		value   *string
		instead func() string
	}{
		{&b.DomainName, func() string { return "easel" }},
		{&b.ProjectID, easel.NewID},
		{&b.ProjectName, func() string { return "eu-de" }},
		{&b.AdminName, func() string { return "admin" }},
		{&b.AdminPassword, newPassword},
		{&b.AccessKey, newAccess},
		{&b.SecretKey, newSecret},
	} {
		if *d.value == "" {
			*d.value = d.instead()
		}
	}
}

func (b *Bootstrap) validate() error {
	if err := errors.Join(checkName("domain", b.DomainName), checkName("project", b.ProjectName), checkUserName(b.AdminName)); err != nil {
		return easel.E(easel.Invalid, "bootstrap", "%v", err)
	}
	for _, c := range []struct {
		what, value string
		pattern     *regexp.Regexp
	}{
		{"project id", b.ProjectID, idPattern},
		{"access key", b.AccessKey, accessPattern},
	} {
		if !c.pattern.MatchString(c.value) {
			return easel.E(easel.Invalid, "bootstrap", "the %s %.80q is not valid: want %s", c.what, c.value, c.pattern)
		}
	}
	if len(b.SecretKey) > 128 {
		return easel.E(easel.Invalid, "bootstrap", "a secret key has at most 128 characters")
	}
	return nil
}

// Bootstrap makes domain, project, administrator and access key in an empty
// catalogue. Later it changes nothing, returns false, and fails when the
// master key is not the one the catalogue was made with.
func (s *Service) Bootstrap(ctx context.Context, b Bootstrap) (first FirstLogin, created bool, err error) {
	some, err := s.catalog.HasDomains(ctx)
	if err != nil {
		return FirstLogin{}, false, err
	}
	if some {
		return FirstLogin{}, false, s.ownKeys(ctx)
	}
	given := b
	b.setDefaults()
	if err := b.validate(); err != nil {
		return FirstLogin{}, false, err
	}
	hash, err := s.passwords.hash(ctx, b.AdminPassword)
	if err != nil {
		return FirstLogin{}, false, err
	}
	if err := s.ownKeys(ctx); err != nil {
		return FirstLogin{}, false, err
	}
	secret, err := s.seal(b.AccessKey, b.SecretKey)
	if err != nil {
		return FirstLogin{}, false, err
	}
	domain := catalog.Domain{ID: easel.NewID(), Name: b.DomainName, Enabled: true}
	project := catalog.Project{ID: b.ProjectID, Domain: domain.ID, Name: b.ProjectName, Parent: domain.ID, Enabled: true}
	account := catalog.Account{ID: easel.NewID(), Name: b.AdminName, Password: hash, Admin: true, Enabled: true, Domain: domain}
	key := catalog.AccessKey{Access: b.AccessKey, Account: account.ID, Secret: secret, Description: "made at the first start", Active: true}
	if created, err = s.catalog.Bootstrap(ctx, domain, project, account, key); err != nil || !created {
		return FirstLogin{}, false, err
	}
	first = FirstLogin{
		DomainID: domain.ID, DomainName: domain.Name, ProjectID: project.ID, ProjectName: project.Name,
		UserID: account.ID, UserName: account.Name, AccessKey: b.AccessKey,
	}
	if given.AdminPassword == "" {
		first.Password = b.AdminPassword
	}
	if given.SecretKey == "" {
		first.SecretKey = b.SecretKey
	}
	return first, true, nil
}

// ownKeys makes the keys that the service signs with, unless they are there;
// then they must be of this master key.
func (s *Service) ownKeys(ctx context.Context) error {
	if _, err := s.registrySigner(ctx); err != nil {
		return err
	}
	_, err := s.receiptKey(ctx)
	return err
}

// ResetPassword gives the user called name a random password, returns it, and
// ends the user's tokens. domain is the name of the user's domain; "" will do
// when no other domain has a user of this name. Errors: NotFound "user"; Invalid
// "user" when several domains have one.
func (s *Service) ResetPassword(ctx context.Context, domain, name string) (string, error) {
	found, err := s.catalog.AccountsNamed(ctx, name)
	if err != nil {
		return "", err
	}
	var domains []string
	found = slices.DeleteFunc(found, func(a catalog.Account) bool {
		domains = append(domains, a.Domain.Name)
		return domain != "" && a.Domain.Name != domain
	})
	switch len(found) {
	case 0:
		return "", easel.E(easel.NotFound, "user", "there is no user %.100s", name)
	case 1:
	default:
		slices.Sort(domains)
		return "", easel.E(easel.Invalid, "user", "several domains have a user %.100s: say which with --domain: %s", name, strings.Join(domains, ", "))
	}
	password := newPassword()
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return "", err
	}
	return password, s.catalog.SetPassword(ctx, found[0].ID, hash)
}
