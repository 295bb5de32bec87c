package identity

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

func emptyService(t *testing.T) *Service {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + t.TempDir() + "/easel.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return New(Options{Catalog: db, MasterKey: make([]byte, masterKeySize)})
}

func TestBootstrapMakesWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	s := emptyService(t)
	first, created, err := s.Bootstrap(t.Context(), Bootstrap{})
	if err != nil || !created {
		t.Fatalf("Bootstrap = %v, %v", created, err)
	}
	if first.DomainName != "easel" || first.ProjectName != "eu-de" || first.UserName != "admin" ||
		len(first.ProjectID) != 32 || len(first.Password) != 20 || len(first.AccessKey) != 20 || len(first.SecretKey) != 40 {
		t.Errorf("Bootstrap = %+v", first)
	}
	if _, err := s.CheckLogin(t.Context(), "eu-de@"+first.AccessKey, LoginKey(first.AccessKey, first.SecretKey)); err != nil {
		t.Errorf("the generated key does not log in: %v", err)
	}
	_, _, err = s.IssueToken(t.Context(), TokenRequest{
		Methods: []string{"password"}, Password: Password{UserName: "admin", DomainName: "easel", Password: first.Password},
	})
	if err != nil {
		t.Errorf("the generated password does not log in: %v", err)
	}
	again, created, err := s.Bootstrap(t.Context(), Bootstrap{AdminPassword: "other", AccessKey: "OTHER"})
	if diff := cmp.Diff(FirstLogin{}, again); err != nil || created || diff != "" {
		t.Errorf("a later start: created %v, %v\n%s", created, err, diff)
	}
	if _, err := s.catalog.KeyOwner(t.Context(), "OTHER"); easel.AsError(err).Kind != easel.NotFound {
		t.Errorf("a later start made an access key: %v", err)
	}
}

func TestBootstrapKeepsGivenSecretsToItself(t *testing.T) {
	t.Parallel()
	s := emptyService(t)
	first, _, err := s.Bootstrap(t.Context(), Bootstrap{
		DomainName: "lab", ProjectID: vectorProject, ProjectName: "eu-nl", AdminName: "root", AdminPassword: "p", AccessKey: "AK", SecretKey: "SK",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := FirstLogin{
		DomainID: first.DomainID, DomainName: "lab", ProjectID: vectorProject, ProjectName: "eu-nl",
		UserID: first.UserID, UserName: "root", AccessKey: "AK",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("Bootstrap (-want +got):\n%s", diff)
	}
	if _, err := s.CheckLogin(t.Context(), "eu-nl@AK", LoginKey("AK", "SK")); err != nil {
		t.Errorf("the given key does not log in: %v", err)
	}
}

// TestBootstrapOfManyReplicas: replicas that start together make one domain.
func TestBootstrapOfManyReplicas(t *testing.T) {
	t.Parallel()
	s := emptyService(t)
	made := make([]bool, 4)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			var err error
			replica := New(Options{Catalog: s.catalog, MasterKey: make([]byte, masterKeySize)})
			if _, made[i], err = replica.Bootstrap(t.Context(), Bootstrap{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	for _, m := range made {
		if m {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d replicas made the first domain, want 1", n)
	}
}

func TestBootstrapRefuses(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]Bootstrap{
		"domain name":  {DomainName: "a\x00b"},
		"project id":   {ProjectID: "../x"},
		"project name": {ProjectName: "a@b"}, // the registry's user name is project@key
		"user name":    {AdminName: strings.Repeat("x", 65)},
		"access key":   {AccessKey: "AK/1"},
		"secret key":   {SecretKey: strings.Repeat("x", 129)},
	} {
		s := emptyService(t)
		_, _, err := s.Bootstrap(t.Context(), b)
		if easel.AsError(err).Kind != easel.Invalid || err == nil {
			t.Errorf("%s: Bootstrap = %v, want invalid", name, err)
		}
		if some, _ := s.catalog.HasDomains(t.Context()); some {
			t.Errorf("%s: something was made all the same", name)
		}
	}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	password, err := f.ResetPassword(t.Context(), "", "admin")
	if err != nil {
		t.Fatal(err)
	}
	q := TokenRequest{Methods: []string{"password"}, Password: Password{UserName: "admin", DomainName: "easel", Password: adminPassword}}
	_, _, err = f.IssueToken(t.Context(), q)
	wantNoun(t, err, easel.Unauthenticated, "password")
	q.Password.Password = password
	if _, _, err := f.IssueToken(t.Context(), q); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, err = f.ResetPassword(t.Context(), "", "nobody")
	wantNoun(t, err, easel.NotFound, "user")
	f.tenant(t, "other") // its administrator is called admin, too
	_, err = f.ResetPassword(t.Context(), "", "admin")
	wantNoun(t, err, easel.Invalid, "user")
	if password, err = f.ResetPassword(t.Context(), "easel", "admin"); err != nil {
		t.Fatal(err)
	}
	q.Password.Password = password
	if _, _, err := f.IssueToken(t.Context(), q); err != nil {
		t.Errorf("the new password of the admin of easel: %v", err)
	}
	_, err = f.ResetPassword(t.Context(), "third", "admin")
	wantNoun(t, err, easel.NotFound, "user")
}
