package easelapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// TagKeeper says which tags must keep what they name.
type TagKeeper interface {
	TagRules(ctx context.Context, org easel.Org) ([]catalog.TagRule, error)
	SetTagRules(ctx context.Context, org easel.Org, patterns []easel.TagPattern) ([]catalog.TagRule, error)
	RepoTagRules(ctx context.Context, repo easel.Repo) ([]catalog.TagRule, error)
	SetRepoTagRules(ctx context.Context, repo easel.Repo, patterns []easel.TagPattern) ([]catalog.TagRule, error)
}

// orgRules serves GET and PUT of an organisation's patterns.
func (s *server) orgRules(w http.ResponseWriter, r *http.Request) error {
	org, err := easel.ParseOrg(r.PathValue("org"))
	if err != nil {
		return err
	}
	return serveRules(w, r,
		func(ctx context.Context) ([]catalog.TagRule, error) { return s.o.Tags.TagRules(ctx, org) },
		func(ctx context.Context, p []easel.TagPattern) ([]catalog.TagRule, error) {
			return s.o.Tags.SetTagRules(ctx, org, p)
		})
}

// repoRules serves GET and PUT of a repository's patterns.
func (s *server) repoRules(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	return serveRules(w, r,
		func(ctx context.Context) ([]catalog.TagRule, error) { return s.o.Tags.RepoTagRules(ctx, repo) },
		func(ctx context.Context, p []easel.TagPattern) ([]catalog.TagRule, error) {
			return s.o.Tags.SetRepoTagRules(ctx, repo, p)
		})
}

// serveRules answers the patterns that get returns, after PUT those of set.
func serveRules(w http.ResponseWriter, r *http.Request, get func(context.Context) ([]catalog.TagRule, error),
	set func(context.Context, []easel.TagPattern) ([]catalog.TagRule, error)) error {
	if r.Method == http.MethodPut {
		patterns, err := readPatterns(r)
		if err != nil {
			return err
		}
		get = func(ctx context.Context) ([]catalog.TagRule, error) { return set(ctx, patterns) }
	}
	rules, err := get(r.Context())
	if err != nil {
		return err
	}
	return writeRules(w, rules)
}

// pathRepo returns the repository that the path names; slashes of its name are
// "$", as in the management interface, or %2F.
func pathRepo(r *http.Request) (easel.Repo, error) {
	return easel.ParseRepo(r.PathValue("org") + "/" + strings.ReplaceAll(r.PathValue("name"), "$", "/"))
}

// readPatterns reads the body of a change, which must have a list, empty or not.
func readPatterns(r *http.Request) ([]easel.TagPattern, error) {
	var in struct {
		Patterns *[]string `json:"patterns"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return nil, err
	}
	if in.Patterns == nil {
		return nil, easel.E(easel.Invalid, "missing field", "give the patterns; an empty list takes all away")
	}
	patterns := make([]easel.TagPattern, len(*in.Patterns))
	for n, text := range *in.Patterns {
		p, err := easel.ParseTagPattern(text)
		if err != nil {
			return nil, err
		}
		patterns[n] = p
	}
	return patterns, nil
}

// rule is a pattern on the wire.
type rule struct {
	Pattern    string    `json:"pattern"`
	Repository string    `json:"repository,omitempty"` // absent: of the organisation
	SetBy      string    `json:"set_by"`
	SetByID    string    `json:"set_by_id"`
	SetAt      time.Time `json:"set_at"`
}

func writeRules(w http.ResponseWriter, rules []catalog.TagRule) error {
	list := make([]rule, len(rules))
	for n, r := range rules {
		list[n] = rule{string(r.Pattern), string(r.Repo), r.Set.UserName, r.Set.UserID, r.Set.At}
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"patterns": list})
}
