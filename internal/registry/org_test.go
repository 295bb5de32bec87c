package registry

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

// outcome is an error's kind and noun; "" is a success.
func outcome(err error) string {
	if err == nil {
		return ""
	}
	e := easel.AsError(err)
	return string(e.Noun) + " " + e.Kind.Error()
}

// TestOrganisationRights does everything to team and its repositories as four
// people. team/app is private, team/open is public.
func TestOrganisationRights(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	must(t, y.CreateRepo(as(alice), catalog.NewRepository{Name: "team/app", Category: "other"}))
	must(t, y.CreateRepo(as(alice), catalog.NewRepository{Name: "team/open", Category: "other", Public: true}))
	const foreign, login = "foreign organisation denied", " not authenticated"
	show := func(name easel.Repo) func(context.Context) error {
		return func(ctx context.Context) error { _, err := y.Repo(ctx, name); return err }
	}
	tags := func(name easel.Repo) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := y.RepoTags(ctx, name, catalog.TagQuery{Order: catalog.TagsByName, Limit: 1})
			return err
		}
	}
	change := func(name easel.Repo) func(context.Context) error {
		return func(ctx context.Context) error {
			return y.UpdateRepo(ctx, name, catalog.RepoChange{Category: new("linux")})
		}
	}
	for _, tt := range []struct {
		name                    string
		do                      func(context.Context) error
		alice, bob, mal, nobody string
	}{
		{"create an organisation", func(ctx context.Context) error { return y.CreateOrg(ctx, "team") },
			"organisation already exists", "organisation denied", "organisation already exists", "organisation" + login},
		{"list organisations", func(ctx context.Context) error { _, err := y.Orgs(ctx, catalog.OrgQuery{}); return err }, "", "", "", "organisation" + login},
		{"show an organisation", func(ctx context.Context) error { _, err := y.Org(ctx, "team"); return err },
			"", "organisation denied", foreign, "organisation" + login},
		{"show none", func(ctx context.Context) error { _, err := y.Org(ctx, "none"); return err },
			"organisation not found", "organisation not found", "organisation not found", "organisation not found"},
		{"delete an organisation", func(ctx context.Context) error { return y.DeleteOrg(ctx, "team") },
			"organisation in use", "organisation denied", foreign, "organisation" + login},
		{"create a repository", func(ctx context.Context) error { return y.CreateRepo(ctx, catalog.NewRepository{Name: "team/app"}) },
			"repository already exists", "organisation denied", foreign, "organisation" + login},
		{"list repositories", func(ctx context.Context) error {
			_, _, err := y.Repos(ctx, catalog.RepoQuery{Order: catalog.ReposByName, Limit: 1})
			return err
		}, "", "", "", "repository" + login},
		{"show a private repository", show("team/app"), "", "repository not found", foreign, "repository" + login},
		{"show a public one", show("team/open"), "", "", "", ""},
		{"show none in a foreign organisation", show("team/none"), "repository not found", "repository not found", foreign, "repository" + login},
		{"show in no organisation", show("none/app"), "organisation not found", "organisation not found", "organisation not found", "organisation not found"},
		{"change a private repository", change("team/app"), "", "repository not found", foreign, "repository" + login},
		{"change a public one", change("team/open"), "", "repository denied", foreign, "repository" + login},
		{"tags of a private repository", tags("team/app"), "", "repository not found", foreign, "repository" + login},
		{"tags of a public one", tags("team/open"), "", "", "", ""},
		{"a tag that is not there", func(ctx context.Context) error { _, err := y.RepoTag(ctx, "team/open", "v1"); return err },
			"tag not found", "tag not found", "tag not found", "tag not found"},
		{"about to delete", func(ctx context.Context) error { return y.FindRepo(ctx, "team/open") },
			"", "repository denied", foreign, "repository" + login},
	} {
		for who, want := range map[*easel.Principal]string{&alice: tt.alice, &bob: tt.bob, &mal: tt.mal, {}: tt.nobody} {
			if got := outcome(tt.do(as(*who))); got != want {
				t.Errorf("%s as %q: %q, want %q", tt.name, who.UserName, got, want)
			}
		}
	}
}

// TestOrganisationsAreAudited checks that every change leaves a record.
func TestOrganisationsAreAudited(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return y.CreateOrg(ctx, "new") },
		func(ctx context.Context) error {
			return y.CreateRepo(ctx, catalog.NewRepository{Name: "new/app", Category: "other"})
		},
		func(ctx context.Context) error {
			return y.UpdateRepo(ctx, "new/app", catalog.RepoChange{Public: new(true)})
		},
		func(ctx context.Context) error { _, err := y.DeleteRepo(ctx, "new/app"); return err },
		func(ctx context.Context) error { return y.DeleteOrg(ctx, "new") },
	} {
		must(t, do(as(alice)))
		y.now = y.now.Add(time.Second) // the trail is in the order of time
	}
	if err := y.DeleteOrg(as(alice), "new"); err == nil {
		t.Error("deleted twice")
	}
	records, err := y.Audit(as(alice), catalog.AuditQuery{Limit: 100})
	must(t, err)
	var got []string
	for _, r := range records {
		if r.Resource == "new" || r.Resource == "new/app" {
			got = append(got, r.Action+" "+r.Resource+" "+r.ActorName)
		}
	}
	slices.Reverse(got)
	want := []string{
		"createUserNamespace new alice", "createImageRepository new/app alice", "updateImageRepository new/app alice",
		"deleteImageRepository new/app alice", "deleteUserNamespace new alice",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit trail (-want +got):\n%s", diff)
	}
}
