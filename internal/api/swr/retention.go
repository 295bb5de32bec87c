package swr

import (
	"encoding/json"
	"net/http"
	"strconv"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// retention is a policy on the wire (swr.md 10). The rule writes itself.
type retention struct {
	ID        int64                 `json:"id"`
	Algorithm string                `json:"algorithm"`
	Rules     []easel.RetentionRule `json:"rules"`
	Scope     string                `json:"scope"`
}

func toRetention(r catalog.Retention) retention {
	return retention{ID: r.ID, Algorithm: "or", Rules: []easel.RetentionRule{r.Rule}}
}

// readRetention reads the body of POST and PATCH.
func readRetention(r *http.Request) (rule easel.RetentionRule, err error) {
	var in struct {
		Algorithm *string            `json:"algorithm"`
		Rules     *[]json.RawMessage `json:"rules"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return rule, err
	}
	switch {
	case in.Algorithm == nil:
		return rule, missing("algorithm")
	case in.Rules == nil:
		return rule, missing("rules")
	case *in.Algorithm != "or":
		return rule, easel.E(easel.Invalid, "retention", "the algorithm must be or, not %.40q", *in.Algorithm)
	case len(*in.Rules) != 1:
		return rule, easel.E(easel.Invalid, "retention", "a policy has exactly one rule, not %d", len(*in.Rules))
	}
	return rule, rule.UnmarshalJSON((*in.Rules)[0])
}

// pathRetention returns the repository and the policy that the path names.
func pathRetention(r *http.Request) (easel.Repo, int64, error) {
	repo, err := pathRepo(r)
	if err != nil {
		return "", 0, err
	}
	id, err := strconv.ParseInt(r.PathValue("retention_id"), 10, 64)
	if err != nil || id < 1 {
		return "", 0, easel.E(easel.Invalid, "id", "the id of a retention policy is a positive number, not %.40q", r.PathValue("retention_id"))
	}
	return repo, id, nil
}

func (s *server) createRetention(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	rule, err := readRetention(r)
	if err != nil {
		return err
	}
	id, err := s.registry.AddRetention(r.Context(), repo, rule)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, map[string]int64{"id": id})
}

func (s *server) listRetentions(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	list := []retention{}
	found, err := s.registry.Retention(r.Context(), repo, 0)
	switch e := easel.AsError(err); {
	case err == nil:
		list = append(list, toRetention(found))
	case e.Kind != easel.NotFound || e.Noun != "retention":
		return err
	}
	return api.WriteJSON(w, http.StatusOK, list)
}

func (s *server) showRetention(w http.ResponseWriter, r *http.Request) error {
	repo, id, err := pathRetention(r)
	if err != nil {
		return err
	}
	found, err := s.registry.Retention(r.Context(), repo, id)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, toRetention(found))
}

func (s *server) updateRetention(w http.ResponseWriter, r *http.Request) error {
	repo, id, err := pathRetention(r)
	if err != nil {
		return err
	}
	rule, err := readRetention(r)
	if err != nil {
		return err
	}
	if err := s.registry.ChangeRetention(r.Context(), repo, id, rule); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

// deleteRetention answers 200, as the strictest client has it.
func (s *server) deleteRetention(w http.ResponseWriter, r *http.Request) error {
	repo, id, err := pathRetention(r)
	if err != nil {
		return err
	}
	if err := s.registry.EndRetention(r.Context(), repo, id); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, empty)
}

// retentionRecord is a tag that a policy let go.
type retentionRecord struct {
	ID          int64  `json:"id"`
	Namespace   string `json:"namespace"`
	Repo        string `json:"repo"`
	RetentionID int64  `json:"retention_id"`
	RuleType    string `json:"rule_type"` // JSON
	Tag         string `json:"tag"`
	CreatedAt   string `json:"created_at"`
}

func (s *server) listRetentionHistories(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	q, err := readQuery(r, "limit", "offset")
	if err != nil {
		return err
	}
	limit, offset, err := q.page()
	if err != nil {
		return err
	}
	found, total, err := s.registry.RetentionLog(r.Context(), repo, limit, offset)
	if err != nil {
		return err
	}
	list := make([]retentionRecord, len(found))
	for i, f := range found {
		list[i] = retentionRecord{f.ID, string(repo.Org()), repo.Name(), f.Policy, f.Rule, string(f.Tag), wireTime(f.At)}
	}
	contentRange(w, offset, len(list), total)
	return api.WriteJSON(w, http.StatusOK, map[string]any{"retention_log": list, "total": total})
}
