package catalog_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/pgtest"
)

// engines runs f on a fresh catalogue of each engine.
func engines(t *testing.T, f func(t *testing.T, c *shelf)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, newShelf(t, "sqlite:"+t.TempDir()+"/easel.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			return
		}
		f(t, newShelf(t, pgtest.Start(t)))
	})
}

// shelf is a catalogue with the domains acme and rival; time passes by a
// second with each transaction.
type shelf struct {
	*catalog.DB
	admin, dev, rival easel.Principal
}

func newShelf(t *testing.T, url string) *shelf {
	t.Helper()
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db, err := catalog.Open(t.Context(), catalog.Options{URL: url, Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &shelf{DB: db}
	s.admin = s.user(t, "acme", "admin", true)
	s.dev = s.user(t, "acme", "dev", false)
	s.rival = s.user(t, "rival", "root", true)
	return s
}

// user makes an account, and its domain if need be.
func (s *shelf) user(t *testing.T, domain, name string, admin bool) easel.Principal {
	t.Helper()
	d := catalog.Domain{ID: "id-" + domain, Name: domain, Enabled: true}
	if err := s.AddDomain(t.Context(), d); err != nil && !errors.Is(err, easel.Exists) {
		t.Fatal(err)
	}
	a := catalog.Account{ID: domain + "-" + name, Name: name, Admin: admin, Enabled: true, Domain: d}
	if err := s.AddAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return easel.Principal{UserID: a.ID, UserName: name, DomainID: d.ID, DomainName: domain, Admin: admin}
}

func (s *shelf) org(t *testing.T, who easel.Principal, name easel.Org) {
	t.Helper()
	if err := s.CreateOrg(t.Context(), who, name); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) repo(t *testing.T, who easel.Principal, name easel.Repo) {
	t.Helper()
	if err := s.CreateRepo(t.Context(), who, catalog.NewRepository{Name: name, Category: "other"}); err != nil {
		t.Fatal(err)
	}
}

// blob stores size bytes that are called name and returns their descriptor.
func (s *shelf) blob(t *testing.T, who easel.Principal, repo easel.Repo, name string, size int64) easel.Descriptor {
	t.Helper()
	u, err := s.StartUpload(t.Context(), who, repo, easel.SHA256, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	d := easel.DigestOf(easel.SHA256, []byte(name))
	if _, err := s.FinishUpload(t.Context(), who, u, d, size); err != nil {
		t.Fatal(err)
	}
	return easel.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: size}
}

// image pushes a manifest of a config and layers under a tag; "" means none.
func (s *shelf) image(t *testing.T, who easel.Principal, repo easel.Repo, tag easel.Tag, config easel.Descriptor, layers ...easel.Descriptor) easel.Descriptor {
	t.Helper()
	return s.put(t, who, repo, tag, easel.Manifest{MediaType: easel.MediaTypeOCIManifest, Config: &config, Layers: layers})
}

func (s *shelf) index(t *testing.T, who easel.Principal, repo easel.Repo, tag easel.Tag, children ...easel.Descriptor) easel.Descriptor {
	t.Helper()
	return s.put(t, who, repo, tag, easel.Manifest{MediaType: easel.MediaTypeOCIIndex, Children: children})
}

func (s *shelf) put(t *testing.T, who easel.Principal, repo easel.Repo, tag easel.Tag, m easel.Manifest) easel.Descriptor {
	t.Helper()
	m.Body = fmt.Appendf(nil, `{"config":%q,"layers":%d,"children":%q}`, configDigest(m), len(m.Layers), fmt.Sprint(m.Children))
	p := catalog.ManifestPut{Repo: repo, Digest: easel.DigestOf(easel.SHA256, m.Body), Manifest: &m}
	if tag != "" {
		p.Tags = []easel.Tag{tag}
	}
	if err := s.PutManifest(t.Context(), who, p); err != nil {
		t.Fatal(err)
	}
	return easel.Descriptor{MediaType: m.MediaType, Digest: p.Digest, Size: int64(len(m.Body))}
}

func configDigest(m easel.Manifest) easel.Digest {
	if m.Config == nil {
		return ""
	}
	return m.Config.Digest
}

func wantErr(t *testing.T, err error, kind easel.Kind, noun easel.Noun) {
	t.Helper()
	if e := easel.AsError(err); err == nil || e.Kind != kind || e.Noun != noun {
		t.Errorf("error = %v (kind %v, noun %q), want kind %v, noun %q", err, e.Kind, e.Noun, kind, noun)
	}
}

func TestCreateOrg(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		ctx := t.Context()
		s.org(t, s.admin, "team")
		wantErr(t, s.CreateOrg(ctx, s.admin, "team"), easel.Exists, "organisation")
		wantErr(t, s.CreateOrg(ctx, s.rival, "team"), easel.Exists, "organisation")
		bound(t, s, 1)
		wantErr(t, s.CreateOrg(ctx, s.admin, "team"), easel.Exists, "organisation")
		wantErr(t, s.CreateOrg(ctx, s.admin, "other"), easel.TooMany, "organisation quota")
		s.org(t, s.rival, "theirs") // the quota of one domain does not bind another
		wantErr(t, s.CreateOrg(ctx, easel.Principal{DomainID: "gone"}, "x"), easel.NotFound, "domain")

		got, err := s.Org(ctx, s.admin, "team")
		if err != nil {
			t.Fatal(err)
		}
		want := catalog.Organisation{ID: got.ID, Name: "team", CreatorName: "admin", Created: got.Created, Users: 1, Grants: easel.Grants{Domain: "id-acme", Level: 7, OrgLevel: 7}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Org (-want +got):\n%s", diff)
		}
		_, err = s.Org(ctx, s.admin, "other")
		wantErr(t, err, easel.NotFound, "organisation")
	})
}

// bound bounds the organisations of the administrator's domain.
func bound(t *testing.T, s *shelf, orgs int64) {
	t.Helper()
	q, err := s.SetDomainQuota(t.Context(), s.admin, s.admin.DomainName, orgs)
	if err != nil || q.Domain != s.admin.DomainName || q.Orgs.Limit != orgs {
		t.Fatal(q, err)
	}
}

// TestOrgQuotaAtOnce makes more organisations at once than the quota allows.
func TestOrgQuotaAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		const quota, tries = 3, 12
		bound(t, s, quota)
		var wg sync.WaitGroup
		errs := make([]error, tries)
		for i := range tries {
			wg.Go(func() { errs[i] = s.CreateOrg(t.Context(), s.admin, easel.Org(fmt.Sprintf("team%d", i))) })
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				wantErr(t, err, easel.TooMany, "organisation quota")
			}
		}
		if made != quota {
			t.Errorf("%d organisations were made, want %d", made, quota)
		}
	})
}

func TestOrgs(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		s.org(t, s.admin, "b")
		s.org(t, s.admin, "a")
		s.org(t, s.dev, "c")
		s.org(t, s.rival, "d")
		s.repo(t, s.dev, "c/app")
		for _, tt := range []struct {
			name string
			who  easel.Principal
			q    catalog.OrgQuery
			want []string
		}{
			{"all of a domain", s.admin, catalog.OrgQuery{Domain: "id-acme"}, []string{"a 7 1 0", "b 7 1 0", "c 0 1 1"}},
			{"granted", s.dev, catalog.OrgQuery{Domain: "id-acme", Sight: catalog.Sight{Granted: true}}, []string{"c 7 1 1"}},
			{"one", s.dev, catalog.OrgQuery{Domain: "id-acme", Name: "b"}, []string{"b 0 1 0"}},
			{"of another domain", s.rival, catalog.OrgQuery{Domain: "id-rival"}, []string{"d 7 1 0"}},
			{"another domain's by name", s.rival, catalog.OrgQuery{Domain: "id-rival", Name: "a"}, []string{}},
			{"a wildcard", s.admin, catalog.OrgQuery{Domain: "id-acme", Name: "%"}, []string{}},
			{"what no engine can hold", s.admin, catalog.OrgQuery{Domain: "id-acme", Name: "a\x00"}, []string{}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				found, err := s.Orgs(t.Context(), tt.who, tt.q)
				if err != nil {
					t.Fatal(err)
				}
				got := []string{}
				for _, o := range found {
					got = append(got, fmt.Sprint(o.Name, " ", o.Grants.Level, " ", o.Users, " ", o.Repos))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("name, level, users, repositories (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestDeleteOrg(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		ctx := t.Context()
		s.org(t, s.admin, "team")
		s.repo(t, s.admin, "team/empty")
		wantErr(t, s.DeleteOrg(ctx, s.admin, "team"), easel.InUse, "organisation")
		if _, err := s.DeleteRepo(ctx, s.admin, "team/empty", nil); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteOrg(ctx, s.admin, "team"); err != nil {
			t.Fatal(err)
		}
		wantErr(t, s.DeleteOrg(ctx, s.admin, "team"), easel.NotFound, "organisation")
		s.org(t, s.rival, "team") // the name is free again, and nothing of the old one is left
		o, err := s.Org(ctx, s.admin, "team")
		if err != nil || o.Grants.Level != 0 || o.Users != 1 {
			t.Errorf("Org = %+v, %v; want no level for the former owner", o, err)
		}
	})
}

// TestDeleteOrgRacesWithPush lets pushes make repositories while their
// organisation is deleted: one of the two wins, and no repository is orphaned.
func TestDeleteOrgRacesWithPush(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		for i := range 20 {
			name := easel.Org(fmt.Sprintf("team%d", i))
			s.org(t, s.admin, name)
			var made, gone error
			var wg sync.WaitGroup
			wg.Go(func() {
				made = s.CreateRepo(t.Context(), s.admin, catalog.NewRepository{Name: easel.Repo(name) + "/app", Category: "other"})
			})
			wg.Go(func() { gone = s.DeleteOrg(t.Context(), s.admin, name) })
			wg.Wait()
			if (made == nil) == (gone == nil) {
				t.Errorf("creation: %v, deletion: %v; want exactly one success", made, gone)
			}
			if made != nil {
				wantErr(t, made, easel.NotFound, "organisation")
			}
		}
	})
}
