package modelarts

import (
	"math"
	"net/http"

	"easel"
	"easel/internal/workbench"
)

// imageQuota is the only resource of a workspace that has a quota.
const imageQuota = "image"

// workspaceQuota is the quota of a resource of a workspace. Quota is -1 for no
// bound; used_quota is null then, and not in the answer to a change.
type workspaceQuota struct {
	Resource   string  `json:"resource"`
	Quota      int64   `json:"quota"`
	MinQuota   int64   `json:"min_quota"`
	MaxQuota   int64   `json:"max_quota"`
	Used       **int64 `json:"used_quota,omitempty"`
	UpdateTime int64   `json:"update_time"`
	NameEN     string  `json:"name_en"`
	NameCN     string  `json:"name_cn"`
	UnitEN     string  `json:"unit_en"`
	UnitCN     string  `json:"unit_cn"`
}

type workspaceQuotas struct {
	Quotas []workspaceQuota `json:"quotas"`
}

func wireWorkspaceQuota(q workbench.WorkspaceQuota) workspaceQuota {
	w := workspaceQuota{Resource: imageQuota, Quota: q.Images, MinQuota: 1, MaxQuota: math.MaxInt32, UpdateTime: q.Set.UnixMilli(),
		NameEN: "Images", NameCN: "镜像", UnitEN: "images", UnitCN: "个"}
	if q.Images == 0 {
		w.Quota = -1
	}
	return w
}

// showWorkspaceQuotas is ShowWorkspaceQuotas.
func (e *edge) showWorkspaceQuotas(w http.ResponseWriter, r *http.Request) error {
	q, err := e.images.WorkspaceQuota(r.Context(), r.PathValue("project_id"), r.PathValue("workspace_id"))
	if err != nil {
		return ofPath(err)
	}
	out, used := wireWorkspaceQuota(q), &q.Used
	if q.Images == 0 {
		used = nil
	}
	out.Used = &used
	return ok(w, workspaceQuotas{[]workspaceQuota{out}})
}

// updateWorkspaceQuotas is UpdateWorkspaceQuotas.
func (e *edge) updateWorkspaceQuotas(w http.ResponseWriter, r *http.Request) error {
	body, _, err := readObject[struct {
		Quotas []struct {
			Resource string `json:"resource"`
			Quota    *int64 `json:"quota"`
		} `json:"quotas"`
	}](r)
	switch {
	case err != nil:
		return err
	case len(body.Quotas) == 0:
		return easel.E(easel.Invalid, "required", "quotas is missing or empty")
	case len(body.Quotas) > 1:
		return easel.E(easel.Invalid, "property", "there is one quota, that of the resource %s", imageQuota)
	}
	q := body.Quotas[0]
	switch {
	case q.Resource == "" || q.Quota == nil:
		return easel.E(easel.Invalid, "required", "a quota needs resource and quota")
	case q.Resource != imageQuota:
		return easel.E(easel.Invalid, "property", "resource is %.64q: want %s", q.Resource, imageQuota)
	case *q.Quota != -1 && (*q.Quota < 1 || *q.Quota > math.MaxInt32):
		return easel.E(easel.Invalid, "property", "quota is %d: want 1 to %d, or -1 for no bound", *q.Quota, math.MaxInt32)
	}
	set, err := e.images.SetWorkspaceQuota(r.Context(), r.PathValue("project_id"), r.PathValue("workspace_id"), max(*q.Quota, 0))
	if err != nil {
		return ofPath(err)
	}
	return ok(w, workspaceQuotas{[]workspaceQuota{wireWorkspaceQuota(set)}})
}
