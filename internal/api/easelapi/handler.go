// Package easelapi serves /easel/v1/: what Easel adds to the documented
// interfaces. Plans and deletions of many images in one call, receipts, what
// keeps a blob, the audit trail, hooks, and the proof that storage and
// catalogue agree. Errors have the envelope of the image API.
package easelapi

import (
	"context"
	"crypto/ed25519"
	_ "embed"
	"errors"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
	"easel/internal/workbench"
)

// OpenAPI is the description of this interface (OpenAPI 3.1, YAML).
//
//go:embed openapi.yaml
var OpenAPI []byte

// Images plans and deletes image records with their content.
type Images interface {
	Plan(ctx context.Context, d workbench.Deletion) (easel.Plan, error)
	DeleteAll(ctx context.Context, d workbench.Deletion) ([]easel.Image, easel.Receipt, error)
}

// Protector says which images must not be deleted.
type Protector interface {
	Protection(ctx context.Context, project, id string) (easel.Image, error)
	Protect(ctx context.Context, project, id string) (easel.Image, error)
	Unprotect(ctx context.Context, project, id string) (easel.Image, error)
}

// Room proposes and deletes what makes room.
type Room interface {
	PlanFree(ctx context.Context, project string, bytes int64) (workbench.Freeing, error)
	Free(ctx context.Context, project string, bytes int64) (easel.Receipt, error)
}

// Content looks after what is stored.
type Content interface {
	Retention
	Quotas
	Plan(ctx context.Context, repo easel.Repo, ref easel.Ref) (easel.Plan, error)
	DeleteTag(ctx context.Context, repo easel.Repo, tag easel.Tag) (easel.Receipt, error)
	DeleteManifest(ctx context.Context, repo easel.Repo, digest easel.Digest) (easel.Receipt, error)
	DeleteRepo(ctx context.Context, repo easel.Repo) (easel.Receipt, error)
	Why(ctx context.Context, digest easel.Digest) (catalog.Why, error)
	BlobsOf(ctx context.Context, repo easel.Repo, ref easel.Ref) ([]easel.ReceiptBlob, error)
	Use(ctx context.Context, repo easel.Repo, ref easel.Ref) (catalog.Use, error)
	Usage(ctx context.Context, q registry.UsageQuery) (catalog.Usage, error)
	Receipt(ctx context.Context, id string) (registry.SignedReceipt, error)
	ReceiptKey(ctx context.Context) (ed25519.PublicKey, error)
	Audit(ctx context.Context, q catalog.AuditQuery) ([]catalog.AuditRecord, error)
	AuditHead(ctx context.Context) (registry.SignedHead, error)
	AuditSeq(ctx context.Context, id string) (int64, error)
	VerifyAudit(ctx context.Context, from int64, kept *catalog.AuditHead) (registry.Verified, error)
	Check(ctx context.Context, o registry.CheckOptions) (registry.Report, error)
	Reclaim(ctx context.Context) (registry.Reclaimed, error)
	LeftBehind(ctx context.Context, q registry.LeftQuery) ([]registry.LeftBehind, error)
	ReclaimLeft(ctx context.Context, q registry.LeftQuery) ([]registry.LeftBehind, error)
}

// Options wire the family.
type Options struct {
	Auth      api.Authenticator
	Images    Images
	Room      Room
	Protector Protector
	Tags      TagKeeper
	Trash     Trash
	Content   Content
	Hooks     Hooks
	Jobs      Jobs
	Stopping  <-chan struct{} // closed when the server stops: streams of events end; may be nil
	Robots    Robots
	SignOn    SignOn
	Trusts    Trusts
	Exchange  Exchanger
}

// New returns the handler of /easel/v1/.
func New(o Options) *api.Mux {
	s := &server{o: o}
	m := api.NewMux(writeError)
	for _, route := range []struct {
		pattern string
		handler api.Handler
	}{
		{"POST /easel/v1/plans", s.plan},
		{"POST /easel/v1/deletions", s.delete},
		{"GET /easel/v1/images/{id}/protection", s.protection(Protector.Protection)},
		{"POST /easel/v1/images/{id}/protection", s.protection(Protector.Protect)},
		{"DELETE /easel/v1/images/{id}/protection", s.protection(Protector.Unprotect)},
		{"GET /easel/v1/organisations/{org}/immutable-tags", s.orgRules},
		{"PUT /easel/v1/organisations/{org}/immutable-tags", s.orgRules},
		{"GET /easel/v1/repositories/{org}/{name}/immutable-tags", s.repoRules},
		{"PUT /easel/v1/repositories/{org}/{name}/immutable-tags", s.repoRules},
		{"POST /easel/v1/jobs", s.startJob},
		{"GET /easel/v1/jobs", s.listJobs},
		{"GET /easel/v1/jobs/{id}", s.showJob},
		{"GET /easel/v1/jobs/{id}/events", s.jobEvents},
		{"POST /easel/v1/jobs/{id}/pause", s.setJob(catalog.JobPaused)},
		{"POST /easel/v1/jobs/{id}/resume", s.setJob(catalog.JobRunning)},
		{"POST /easel/v1/jobs/{id}/cancel", s.setJob(catalog.JobCancelled)},
		{"GET /easel/v1/organisations/{org}/undo", s.undo},
		{"PUT /easel/v1/organisations/{org}/undo", s.undo},
		{"GET /easel/v1/trash", s.listTrash},
		{"GET /easel/v1/trash/{id}", s.showTrash},
		{"POST /easel/v1/trash/{id}/restore", s.restore},
		{"DELETE /easel/v1/trash/{id}", s.purge},
		{"GET /easel/v1/receipts/{id}", s.receipt},
		{"GET /easel/v1/receipts/key", s.receiptKey},
		{"GET /easel/v1/free", s.planFree},
		{"POST /easel/v1/free", s.free},
		{"GET /easel/v1/use", s.use},
		{"GET /easel/v1/quotas", s.quotas},
		{"PATCH /easel/v1/quotas/domains/{domain}", s.setDomainQuota},
		{"PATCH /easel/v1/quotas/organisations/{organisation}", s.setOrgQuota},
		{"PATCH /easel/v1/quotas/projects/{project_id}", s.setProjectQuota},
		{"GET /easel/v1/retention", s.retentions},
		{"POST /easel/v1/retention/preview", s.previewRetention},
		{"POST /easel/v1/retention/run", s.runRetention},
		{"GET /easel/v1/ledger", s.ledger},
		{"GET /easel/v1/blobs", s.blobs},
		{"GET /easel/v1/blobs/{digest}/why", s.why},
		{"GET /easel/v1/audit", s.audit},
		{"GET /easel/v1/audit/head", s.auditHead},
		{"GET /easel/v1/audit/verify", s.verifyAudit},
		{"GET /easel/v1/hooks", s.listHooks},
		{"POST /easel/v1/hooks", s.createHook},
		{"GET /easel/v1/hooks/{id}", s.showHook},
		{"PATCH /easel/v1/hooks/{id}", s.updateHook},
		{"DELETE /easel/v1/hooks/{id}", s.removeHook},
		{"POST /easel/v1/hooks/{id}/test", s.testHook},
		{"POST /easel/v1/hooks/{id}/retry", s.retryHook},
		{"GET /easel/v1/hooks/{id}/deliveries", s.deliveries},
		{"POST /easel/v1/robots", s.createRobot},
		{"GET /easel/v1/robots", s.listRobots},
		{"DELETE /easel/v1/robots/{access_key}", s.deleteRobot},
		{"POST /easel/v1/trusts", s.createTrust},
		{"GET /easel/v1/trusts", s.listTrusts},
		{"GET /easel/v1/trusts/{id}", s.showTrust},
		{"PATCH /easel/v1/trusts/{id}", s.setTrust},
		{"DELETE /easel/v1/trusts/{id}", s.deleteTrust},
		{"POST /easel/v1/check", s.check},
		{"GET /easel/v1/left-behind", s.leftBehind},
		{"POST /easel/v1/reclaim", s.reclaim},
	} {
		m.Handle(route.pattern, api.Authenticated(o.Auth, route.handler))
	}
	m.Handle("GET /easel/v1/sso", open(s.providers))
	m.Handle("POST /easel/v1/sso/{provider}/authorization", open(s.signOnURL))
	m.Handle("POST /easel/v1/sso/{provider}/device", open(s.signOnDevice))
	m.Handle("POST /easel/v1/sso/{provider}/session", open(s.signOn))
	m.Handle("POST /easel/v1/exchange", open(s.exchange))
	return m
}

type server struct {
	o       Options
	streams streams
}

// lists makes every list of the receipt one that is not null in JSON.
func lists(r easel.Receipt) easel.Receipt {
	for _, l := range []*[]string{&r.Tags, &r.Manifests, &r.Condemned, &r.Broken} {
		if *l == nil {
			*l = []string{}
		}
	}
	if r.Images == nil {
		r.Images = []easel.ReceiptItem{}
	}
	if r.Blobs == nil {
		r.Blobs = []easel.ReceiptBlob{}
	}
	return r
}

// answer is a status and a code on the wire.
type answer struct {
	status int
	code   string
}

// codes maps what went wrong to the wire; the noun "" is for all others of the kind.
var codes = map[easel.Kind]map[easel.Noun]answer{
	easel.Internal:        {"": {500, "ModelArts.0010"}},
	easel.Invalid:         {"": {400, "ModelArts.0107"}, "body": {400, "ModelArts.6400"}, "body field": {400, "ModelArts.6332"}, "missing field": {400, "ModelArts.6335"}, "workspace": {400, "ModelArts.0104"}},
	easel.Unauthenticated: {"": {401, "ModelArts.0203"}, "credential": {401, "ModelArts.0201"}, "signature": {401, "ModelArts.0208"}, "signature format": {401, "ModelArts.0206"}, "project scope": {401, "ModelArts.0212"}},
	easel.Denied:          {"": {403, "ModelArts.0108"}, "workspace": {403, "ModelArts.0112"}},
	easel.NotFound:        {"": {404, "ModelArts.6404"}, "route": {404, "ModelArts.4204"}, "workspace": {400, "ModelArts.0102"}},
	easel.Exists:          {"": {400, "ModelArts.6737"}},
	easel.InUse:           {"": {400, "ModelArts.6344"}, "protection": {403, "ModelArts.0108"}},
	easel.Changed:         {"": {400, "ModelArts.6357"}, "plan": {412, "ModelArts.6357"}},
	easel.TooLarge:        {"": {413, "ModelArts.4104"}},
	easel.Range:           {"": {400, "ModelArts.0107"}},
	easel.TooMany:         {"": {429, "ModelArts.2799"}},
	easel.NoSpace:         {"": {507, "ModelArts.0010"}},
	easel.Unavailable:     {"": {503, "ModelArts.4302"}, "image": {400, "ModelArts.6357"}},
	easel.Unsupported:     {"": {400, "ModelArts.0107"}, "route": {405, "ModelArts.2803"}, "content type": {415, "ModelArts.6400"}},
}

// wireOf returns how an error is told.
func wireOf(e *easel.Error) answer {
	if a, ok := codes[e.Kind][e.Noun]; ok {
		return a
	}
	return codes[e.Kind][""]
}

// writeError writes the envelope of the image API.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	e := easel.AsError(err)
	a := wireOf(e)
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		api.RetryAfter(w.Header(), err, 1)
	}
	msg := e.Msg
	if msg == "" {
		msg = easel.AsError(errors.New("unexplained")).Msg
	}
	// The status is out: an error here can only be a client that hung up.
	_ = api.WriteJSON(w, a.status, map[string]string{"error_code": a.code, "error_msg": msg})
}
