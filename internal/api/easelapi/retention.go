package easelapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
)

// Retention keeps old tags from piling up.
type Retention interface {
	Retentions(ctx context.Context) ([]catalog.Retention, error)
	PreviewRetention(ctx context.Context, repo easel.Repo, rule *easel.RetentionRule) (registry.Retained, error)
	RunRetention(ctx context.Context, repo easel.Repo) (registry.Retained, error)
}

// retention is a policy in the list of all.
type retention struct {
	ID      int64               `json:"id"`
	Repo    easel.Repo          `json:"repository"`
	Rule    easel.RetentionRule `json:"rule"`
	Creator string              `json:"created_by"`
	Created time.Time           `json:"created_at"`
	Updated time.Time           `json:"updated_at"`
	Due     time.Time           `json:"due_at"`
}

// retentions answers the policies that the caller can see.
func (s *server) retentions(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Content.Retentions(r.Context())
	if err != nil {
		return err
	}
	list := make([]retention, len(found))
	for i, f := range found {
		list[i] = retention{f.ID, f.Repo, f.Rule, f.CreatorName, f.Created, f.Updated, f.Due}
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"policies": list})
}

// retentionRequest reads which repository, and for a preview optionally which rule.
func retentionRequest(r *http.Request) (easel.Repo, *easel.RetentionRule, error) {
	var in struct {
		Repository string          `json:"repository"`
		Rule       json.RawMessage `json:"rule"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return "", nil, err
	}
	if in.Repository == "" {
		return "", nil, easel.E(easel.Invalid, "missing field", "name the repository")
	}
	repo, err := easel.ParseRepo(in.Repository)
	if err != nil || len(in.Rule) == 0 || string(in.Rule) == "null" {
		return repo, nil, err
	}
	rule := new(easel.RetentionRule)
	return repo, rule, rule.UnmarshalJSON(in.Rule)
}

// previewRetention answers what a policy, or a rule that is none yet, would
// do now; nothing changes.
func (s *server) previewRetention(w http.ResponseWriter, r *http.Request) error {
	repo, rule, err := retentionRequest(r)
	if err != nil {
		return err
	}
	planned, err := s.o.Content.PreviewRetention(r.Context(), repo, rule)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, planned)
}

// runRetention runs the policy of a repository.
func (s *server) runRetention(w http.ResponseWriter, r *http.Request) error {
	repo, rule, err := retentionRequest(r)
	if err != nil {
		return err
	}
	if rule != nil {
		return easel.E(easel.Invalid, "parameter", "a run takes the rule of the repository's policy: set it first")
	}
	done, err := s.o.Content.RunRetention(r.Context(), repo)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, done)
}
