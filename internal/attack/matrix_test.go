package attack

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/api/easelapi"
	"easel/internal/api/iam"
	"easel/internal/api/modelarts"
	"easel/internal/api/ociapi"
	"easel/internal/api/swr"
)

// The strangers, in the order of the columns of the table. All but the first
// five hold what was a credential of an administrator of acme.
const (
	anonymous      = iota
	otherProject   // cleo: the same domain, administrator, logged in to acme-two
	otherDomain    // gus: administrator of globex
	ungranted      // ben: the same project, granted nothing
	reader         // ray: the same project, granted read
	revokedKey     // signs with a key that is inactive; a registry token from before
	expiredToken   // a token whose time is over
	disabledPerson // a token of a user who was disabled
	numStrangers
)

var strangers = [numStrangers]string{"anonymous", "other project", "other domain", "ungranted", "reader", "revoked key", "expired token", "disabled user"}

// attempt is one line of the table: a route, something of ann's that exists,
// and the same with something that does not. want has the statuses of the
// first five strangers; "-" is a right that the stranger has. A "*" behind a status
// says that this stranger may know whether the thing exists.
type attempt struct {
	pattern         string
	target, missing string // "": there is nothing that could be missing
	body            string
	header          string // "NAME: VALUE"
	want            string
}

// public marks routes that say the same to everybody, and what begins with
// open those that say a status to everybody: who logs in is not known yet.
const (
	public = "public"
	open   = "open "
)

// attempts is the tenancy matrix. $NAME is replaced by what settleMatrix made;
// in missing, by something of the same form that nobody has. $OWN is the
// project of the stranger.
var attempts = slices.Concat(ociAttempts, imageAttempts, workspaceAttempts, swrAttempts, iamAttempts, easelAttempts)

var ociAttempts = []attempt{
	{"GET /v2/", "/v2/", "", "", "", "401 - - - -"},
	{"GET /v2/_catalog", "/v2/_catalog", "", "", "", "401 - - 404 404"},
	{"GET /v2/{name}/tags/list", "/v2/team/private/tags/list", "/v2/team/missing/tags/list", "", "", "401 - 401 401 -"},
	{"GET /v2/{name}/referrers/{digest}", "/v2/team/private/referrers/$MANIFEST", "/v2/team/missing/referrers/$MANIFEST", "", "", "401 - 401 401 -"},
	{"GET /v2/{name}/manifests/{reference}", "/v2/team/private/manifests/v1", "/v2/team/missing/manifests/v1", "", "", "401 - 401 401 -"},
	{"GET /v2/{name}/manifests/{reference}", "/v2/team/private/manifests/$MANIFEST", "/v2/team/private/manifests/$NODIGEST", "", "", "401 - 401 401 -"},
	{"PUT /v2/{name}/manifests/{reference}", "/v2/team/private/manifests/v1", "/v2/team/missing/manifests/v1", "$BODY", "Content-Type: " + easel.MediaTypeOCIManifest, "401 - 401 401 401"},
	{"DELETE /v2/{name}/manifests/{reference}", "/v2/team/private/manifests/v1", "/v2/team/missing/manifests/v1", "", "", "401 - 401 401 401"},
	{"DELETE /v2/{name}/manifests/{reference}", "/v2/team/private/manifests/$MANIFEST", "/v2/team/private/manifests/$NODIGEST", "", "", "401 - 401 401 401"},
	{"GET /v2/{name}/blobs/{digest}", "/v2/team/private/blobs/$BLOB", "/v2/team/missing/blobs/$NODIGEST", "", "", "401 - 401 401 -"},
	{"DELETE /v2/{name}/blobs/{digest}", "/v2/team/private/blobs/$BLOB", "/v2/team/missing/blobs/$NODIGEST", "", "", "401 - 401 401 401"},
	{"POST /v2/{name}/blobs/uploads/", "/v2/team/private/blobs/uploads/", "/v2/team/missing/blobs/uploads/", "", "", "401 - 401 401 401"},
	{"GET /v2/{name}/blobs/uploads/{id}", "/v2/team/private/blobs/uploads/$UPLOAD", "/v2/team/missing/blobs/uploads/$NOUUID", "", "", "401 404 401 401 401"},
	{"PATCH /v2/{name}/blobs/uploads/{id}", "/v2/team/private/blobs/uploads/$UPLOAD", "/v2/team/private/blobs/uploads/$NOUUID", "x", "", "401 404 401 401 401"},
	{"PUT /v2/{name}/blobs/uploads/{id}", "/v2/team/private/blobs/uploads/$UPLOAD?digest=$BLOB", "/v2/team/private/blobs/uploads/$NOUUID?digest=$BLOB", "x", "", "401 404 401 401 401"},
	{"DELETE /v2/{name}/blobs/uploads/{id}", "/v2/team/private/blobs/uploads/$UPLOAD", "/v2/team/private/blobs/uploads/$NOUUID", "", "", "401 404 401 401 401"},
}

var imageAttempts = []attempt{
	{"GET /v1/{project_id}/images", "/v1/$P1/images", "/v1/$NOID/images", "", "", "401 403 403 - -"},
	{"POST /v1/{project_id}/images", "/v1/$P1/images", "/v1/$NOID/images", `{"swr_path":"team/private:v2"}`, "", "401 403 403 - -"},
	{"POST /v1/{project_id}/images", "/v1/$OWN/images", "/v1/$OWN/images", `{"swr_path":"team/private:$V2"}`, "", "401 - 400 400 -"},
	{"GET /v1/{project_id}/images/group", "/v1/$P1/images/group", "/v1/$NOID/images/group", "", "", "401 403 403 - -"},
	{"PUT /v1/{project_id}/images/group/{id}", "/v1/$P1/images/group/$GROUP", "/v1/$NOID/images/group/$NOUUID", `{"read_me":"x"}`, "", "401 403 403 - -"},
	{"PUT /v1/{project_id}/images/group/{id}", "/v1/$OWN/images/group/$GROUP", "/v1/$OWN/images/group/$NOUUID", `{"read_me":"x"}`, "", "401 404 404 - -"},
	{"DELETE /v1/{project_id}/images/group/{id}", "/v1/$P1/images/group/$GROUP?force=true", "/v1/$NOID/images/group/$NOUUID?force=true", "", "", "401 403 403 403* 403*"},
	{"DELETE /v1/{project_id}/images/group/{id}", "/v1/$OWN/images/group/$GROUP?force=true", "/v1/$OWN/images/group/$NOUUID?force=true", "", "", "401 404 404 403* 403*"},
	{"GET /v1/{project_id}/images/{id}", "/v1/$P1/images/$IMAGE", "/v1/$NOID/images/$NOUUID", "", "", "401 403 403 - -"},
	{"GET /v1/{project_id}/images/{id}", "/v1/$OWN/images/$IMAGE", "/v1/$OWN/images/$NOUUID", "", "", "401 404 404 - -"},
	{"DELETE /v1/{project_id}/images/{id}", "/v1/$P1/images/$IMAGE?force=true", "/v1/$NOID/images/$NOUUID?force=true", "", "", "401 403 403 403* 403*"},
	{"DELETE /v1/{project_id}/images/{id}", "/v1/$OWN/images/$IMAGE", "/v1/$OWN/images/$NOUUID", "", "", "401 404 404 - -"},
	{"DELETE /v1/{project_id}/images/{id}", "/v1/$OWN/images/$IMAGE?force=true", "/v1/$OWN/images/$NOUUID?force=true", "", "", "401 404 404 403* 403*"},
	{"POST /v1/{project_id}/images/{image_id}/sync", "/v1/$P1/images/$IMAGE/sync", "/v1/$NOID/images/$NOUUID/sync", "", "", "401 403 403 403* -"},
	{"POST /v1/{project_id}/images/{image_id}/sync", "/v1/$OWN/images/$IMAGE/sync", "/v1/$OWN/images/$NOUUID/sync", "", "", "401 404 404 403* -"},
}

// The workspace is ann's and private. That it is there everybody in its project may know.
var workspaceAttempts = []attempt{
	{"GET /v1/{project_id}/workspaces", "/v1/$P1/workspaces", "/v1/$NOID/workspaces", "", "", "401 403 403 - -"},
	{"POST /v1/{project_id}/workspaces", "/v1/$P1/workspaces", "/v1/$NOID/workspaces", `{"name":"closed"}`, "", "401 403 403 400* 400*"},
	{"GET /v1/{project_id}/workspaces/{workspace_id}", "/v1/$P1/workspaces/$WORKSPACE", "/v1/$NOID/workspaces/$WORKSPACE", "", "", "401 403 403 403* 403*"},
	{"GET /v1/{project_id}/workspaces/{workspace_id}", "/v1/$OWN/workspaces/$WORKSPACE", "/v1/$OWN/workspaces/$WORKSPACE", "", "", "401 400 400 403* 403*"},
	{"PUT /v1/{project_id}/workspaces/{workspace_id}", "/v1/$P1/workspaces/$WORKSPACE", "/v1/$NOID/workspaces/$WORKSPACE", `{"auth_type":"PUBLIC"}`, "", "401 403 403 403* 403*"},
	{"PUT /v1/{project_id}/workspaces/{workspace_id}", "/v1/$OWN/workspaces/$WORKSPACE", "/v1/$OWN/workspaces/$WORKSPACE", `{"grants":[{"user_id":"$USER"}]}`, "", "401 400 400 403* 403*"},
	{"DELETE /v1/{project_id}/workspaces/{workspace_id}", "/v1/$P1/workspaces/$WORKSPACE", "/v1/$NOID/workspaces/$WORKSPACE", "", "", "401 403 403 403* 403*"},
	{"DELETE /v1/{project_id}/workspaces/{workspace_id}", "/v1/$OWN/workspaces/$WORKSPACE", "/v1/$OWN/workspaces/$WORKSPACE", "", "", "401 400 400 403* 403*"},
	{"GET /v1/{project_id}/workspaces/{workspace_id}/quotas", "/v1/$OWN/workspaces/$WORKSPACE/quotas", "/v1/$OWN/workspaces/$WORKSPACE/quotas", "", "", "401 400 400 403* 403*"},
	{"PUT /v1/{project_id}/workspaces/{workspace_id}/quotas", "/v1/$P1/workspaces/$WORKSPACE/quotas", "/v1/$NOID/workspaces/$WORKSPACE/quotas", `{"quotas":[{"resource":"image","quota":-1}]}`, "", "401 403 403 403* 403*"},
	{"PUT /v1/{project_id}/workspaces/{workspace_id}/quotas", "/v1/$OWN/workspaces/$WORKSPACE/quotas", "/v1/$OWN/workspaces/$WORKSPACE/quotas", `{"quotas":[{"resource":"image","quota":-1}]}`, "", "401 400 400 403* 403*"},

	{"GET /v1/{project_id}/images", "/v1/$OWN/images?workspace_id=$WORKSPACE", "/v1/$OWN/images?workspace_id=$WORKSPACE", "", "", "401 400 400 403* 403*"},
	{"GET /v1/{project_id}/images/group", "/v1/$OWN/images/group?workspace_id=$WORKSPACE", "/v1/$OWN/images/group?workspace_id=$WORKSPACE", "", "", "401 400 400 403* 403*"},
	{"POST /v1/{project_id}/images", "/v1/$OWN/images", "/v1/$OWN/images", `{"swr_path":"team/private:v2","workspace_id":"$WORKSPACE"}`, "", "401 400 400 403* 403*"},
	{"GET /v1/{project_id}/images/{id}", "/v1/$OWN/images/$HIDDEN", "/v1/$OWN/images/$NOUUID", "", "", "401 404 404 403* 403*"},
	{"DELETE /v1/{project_id}/images/{id}", "/v1/$OWN/images/$HIDDEN", "/v1/$OWN/images/$NOUUID", "", "", "401 404 404 403* 403*"},
	{"POST /v1/{project_id}/images/{image_id}/sync", "/v1/$OWN/images/$HIDDEN/sync", "/v1/$OWN/images/$NOUUID/sync", "", "", "401 404 404 403* 403*"},
	{"PUT /v1/{project_id}/images/group/{id}", "/v1/$OWN/images/group/$HIDDENGROUP", "/v1/$OWN/images/group/$NOUUID", `{"read_me":"x"}`, "", "401 404 404 403* 403*"},
	{"DELETE /v1/{project_id}/images/group/{id}", "/v1/$OWN/images/group/$HIDDENGROUP", "/v1/$OWN/images/group/$NOUUID", "", "", "401 404 404 403* 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"images":["$HIDDEN"]}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"images":["$HIDDEN"]}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/jobs", "/easel/v1/jobs", "/easel/v1/jobs", `{"images":["$HIDDEN"]}`, "", "401 404 404 403* 403*"},
	{"GET /easel/v1/images/{id}/protection", "/easel/v1/images/$HIDDEN/protection", "/easel/v1/images/$NOUUID/protection", "", "", "401 404 404 403* 403*"},
}

// That an organisation exists is no secret: names are unique in the
// installation (swr.md 2.6).
var swrAttempts = []attempt{
	{"GET /v2", "/v2", "", "", "", public},
	{"GET /{$}", "/", "", "", "", public},
	{"POST /v2/manage/namespaces", "/v2/manage/namespaces", "/v2/manage/namespaces", `{"namespace":"$ORG"}`, "", "401 - 409* 403 403"},
	{"GET /v2/manage/namespaces", "/v2/manage/namespaces", "", "", "", "401 - 200 200 -"},
	{"GET /v2/manage/namespaces/{namespace}", "/v2/manage/namespaces/team", "/v2/manage/namespaces/nope", "", "", "401 - 403* 403* -"},
	{"DELETE /v2/manage/namespaces/{namespace}", "/v2/manage/namespaces/team", "/v2/manage/namespaces/nope", "", "", "401 - 403* 403* 403*"},
	{"POST /v2/manage/namespaces/{namespace}/repos", "/v2/manage/namespaces/team/repos", "/v2/manage/namespaces/team/repos", `{"repository":"$REPO","is_public":true}`, "", "401 - 403 403 403"},
	{"GET /v2/manage/repos", "/v2/manage/repos", "", "", "", "401 - 200 200 -"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}", "/v2/manage/namespaces/team/repos/private", "/v2/manage/namespaces/team/repos/missing", "", "", "401 - 403 404 -"},
	{"PATCH /v2/manage/namespaces/{namespace}/repos/{repository}", "/v2/manage/namespaces/team/repos/private", "/v2/manage/namespaces/team/repos/missing", `{"is_public":true}`, "", "401 - 403 404 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/repos/{repository}", "/v2/manage/namespaces/team/repos/private", "/v2/manage/namespaces/team/repos/missing", "", "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/tags", "/v2/manage/namespaces/team/repos/private/tags", "/v2/manage/namespaces/team/repos/missing/tags", "", "", "401 - 403 404 -"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/tags/{tag}", "/v2/manage/namespaces/team/repos/private/tags/v1", "/v2/manage/namespaces/team/repos/missing/tags/v1", "", "", "401 - 403 404 -"},
	{"DELETE /v2/manage/namespaces/{namespace}/repos/{repository}/tags/{tag}", "/v2/manage/namespaces/team/repos/private/tags/v1", "/v2/manage/namespaces/team/repos/missing/tags/v1", "", "", "401 - 403 404 403*"},
	{"POST /v2/manage/namespaces/{namespace}/repos/{repository}/tags", "/v2/manage/namespaces/team/repos/private/tags", "/v2/manage/namespaces/team/repos/missing/tags", `{"source_tag":"v1","destination_tag":"v2","override":true}`, "", "401 - 403 404 403*"},
	{"GET /v2/manage/overview", "/v2/manage/overview", "", "", "", "401 - 200 - -"},
	{"GET /v2/manage/reports/{resource_type}/{frequency}", "/v2/manage/reports/store/daily", "", "", "", "401 - 200 - -"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/retentions", "/v2/manage/namespaces/team/repos/private/retentions", "/v2/manage/namespaces/team/repos/missing/retentions", "", "", "401 - 403 404 -"},
	{"POST /v2/manage/namespaces/{namespace}/repos/{repository}/retentions", "/v2/manage/namespaces/team/repos/private/retentions", "/v2/manage/namespaces/team/repos/missing/retentions", `{"algorithm":"or","rules":[{"template":"tag_rule","params":{"num":"1"},"tag_selectors":[]}]}`, "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/retentions/histories", "/v2/manage/namespaces/team/repos/private/retentions/histories", "/v2/manage/namespaces/team/repos/missing/retentions/histories", "", "", "401 - 403 404 -"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/retentions/{retention_id}", "/v2/manage/namespaces/team/repos/private/retentions/$RETENTION", "/v2/manage/namespaces/team/repos/missing/retentions/$RETENTION", "", "", "401 - 403 404 -"},
	{"PATCH /v2/manage/namespaces/{namespace}/repos/{repository}/retentions/{retention_id}", "/v2/manage/namespaces/team/repos/private/retentions/$RETENTION", "/v2/manage/namespaces/team/repos/missing/retentions/$RETENTION", `{"algorithm":"or","rules":[{"template":"tag_rule","params":{"num":"1"},"tag_selectors":[]}]}`, "", "401 - 403 404 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/repos/{repository}/retentions/{retention_id}", "/v2/manage/namespaces/team/repos/private/retentions/$RETENTION", "/v2/manage/namespaces/team/repos/missing/retentions/$RETENTION", "", "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/access", "/v2/manage/namespaces/team/access", "/v2/manage/namespaces/nope/access", "", "", "401 - 403* 403* -"},
	{"POST /v2/manage/namespaces/{namespace}/access", "/v2/manage/namespaces/team/access", "/v2/manage/namespaces/nope/access", `[{"user_id":"$USER","user_name":"x","auth":7}]`, "", "401 - 403* 403* 403*"},
	{"PATCH /v2/manage/namespaces/{namespace}/access", "/v2/manage/namespaces/team/access", "/v2/manage/namespaces/nope/access", `[{"user_id":"$USER","user_name":"x","auth":7}]`, "", "401 - 403* 403* 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/access", "/v2/manage/namespaces/team/access", "/v2/manage/namespaces/nope/access", `["$USER"]`, "", "401 - 403* 403* 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/access", "/v2/manage/namespaces/team/repos/private/access", "/v2/manage/namespaces/team/repos/missing/access", "", "", "401 - 403 404 -"},
	{"POST /v2/manage/namespaces/{namespace}/repos/{repository}/access", "/v2/manage/namespaces/team/repos/private/access", "/v2/manage/namespaces/team/repos/missing/access", `[{"user_id":"$USER","user_name":"x","auth":7}]`, "", "401 - 403 404 403*"},
	{"PATCH /v2/manage/namespaces/{namespace}/repos/{repository}/access", "/v2/manage/namespaces/team/repos/private/access", "/v2/manage/namespaces/team/repos/missing/access", `[{"user_id":"$USER","user_name":"x","auth":7}]`, "", "401 - 403 404 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/repos/{repository}/access", "/v2/manage/namespaces/team/repos/private/access", "/v2/manage/namespaces/team/repos/missing/access", `["$USER"]`, "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains", "/v2/manage/namespaces/team/repositories/private/access-domains", "/v2/manage/namespaces/team/repositories/missing/access-domains", "", "", "401 - 403 404 403*"},
	{"POST /v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains", "/v2/manage/namespaces/team/repositories/private/access-domains", "/v2/manage/namespaces/team/repositories/missing/access-domains", `{"access_domain":"globex","permit":"read","deadline":"forever"}`, "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repositories/private/access-domains/globex", "/v2/manage/namespaces/team/repositories/missing/access-domains/globex", "", "", "401 - 403 404 403*"},
	{"PATCH /v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repositories/private/access-domains/globex", "/v2/manage/namespaces/team/repositories/missing/access-domains/globex", `{"permit":"read","deadline":"forever"}`, "", "401 - 403 404 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/repositories/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repositories/private/access-domains/globex", "/v2/manage/namespaces/team/repositories/missing/access-domains/globex", "", "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/access-domains", "/v2/manage/namespaces/team/repos/private/access-domains", "/v2/manage/namespaces/team/repos/missing/access-domains", "", "", "401 - 403 404 403*"},
	{"POST /v2/manage/namespaces/{namespace}/repos/{repository}/access-domains", "/v2/manage/namespaces/team/repos/private/access-domains", "/v2/manage/namespaces/team/repos/missing/access-domains", `{"access_domain":"globex","permit":"read","deadline":"forever"}`, "", "401 - 403 404 403*"},
	{"GET /v2/manage/namespaces/{namespace}/repos/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repos/private/access-domains/globex", "/v2/manage/namespaces/team/repos/missing/access-domains/globex", "", "", "401 - 403 404 403*"},
	{"PATCH /v2/manage/namespaces/{namespace}/repos/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repos/private/access-domains/globex", "/v2/manage/namespaces/team/repos/missing/access-domains/globex", `{"permit":"read","deadline":"forever"}`, "", "401 - 403 404 403*"},
	{"DELETE /v2/manage/namespaces/{namespace}/repos/{repository}/access-domains/{access_domain}", "/v2/manage/namespaces/team/repos/private/access-domains/globex", "/v2/manage/namespaces/team/repos/missing/access-domains/globex", "", "", "401 - 403 404 403*"},
	{"GET /v2/manage/shared-repositories", "/v2/manage/shared-repositories?center=thirdparty", "", "", "", "401 - 200 200 -"},
	{"GET /v2/manage/shared-repositories", "/v2/manage/shared-repositories?center=self", "", "", "", "401 - 200 200 -"},
	{"GET /v2/manage/projects/{project_id}/quotas", "/v2/manage/projects/$P1/quotas", "/v2/manage/projects/$NOID/quotas", "", "", "401 - 403 - -"},
	{"GET /v2/manage/projects/{project_id}/feature-gates", "/v2/manage/projects/$P1/feature-gates", "/v2/manage/projects/$NOID/feature-gates", "", "", "401 - 403 - -"},
	{"POST /v2/manage/utils/secret", "/v2/manage/utils/secret", "", "", "", "401 - - - -"},
	{"POST /v2/manage/utils/secret", "/v2/manage/utils/secret?projectname=project-a1", "/v2/manage/utils/secret?projectname=project-a9", "", "", "401 - 400 - -"},
}

// Receipts are for everybody of the domain who knows the id. Administrators of
// the first domain look after the store that all of them share.
var easelAttempts = []attempt{
	{"GET /easel/v1/quotas", "/easel/v1/quotas", "", "", "", "401 - 200 - -"},
	{"PATCH /easel/v1/quotas/domains/{domain}", "/easel/v1/quotas/domains/acme", "/easel/v1/quotas/domains/none", `{"organisations":9}`, "", "401 - 403 403 403"},
	{"PATCH /easel/v1/quotas/organisations/{organisation}", "/easel/v1/quotas/organisations/team", "/easel/v1/quotas/organisations/newt", `{"bytes":1}`, "", "401 - 404 403 403"},
	{"PATCH /easel/v1/quotas/projects/{project_id}", "/easel/v1/quotas/projects/$P1", "/easel/v1/quotas/projects/$NOID", `{"images":1}`, "", "401 - 404 403 403"},
	{"GET /easel/v1/retention", "/easel/v1/retention", "", "", "", "401 - 200 200 -"},
	{"POST /easel/v1/retention/preview", "/easel/v1/retention/preview", "/easel/v1/retention/preview", `{"repository":"team/$REPO"}`, "", "401 - 403 404 403*"},
	{"POST /easel/v1/retention/run", "/easel/v1/retention/run", "/easel/v1/retention/run", `{"repository":"team/$REPO"}`, "", "401 - 403 404 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"images":["$IMAGE"],"force":true}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"group":"$GROUP","force":true}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"images":["$IMAGE"],"force":true}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"group":"$GROUP","force":true}`, "", "401 404 404 403* 403*"},
	{"GET /easel/v1/images/{id}/protection", "/easel/v1/images/$IMAGE/protection", "/easel/v1/images/$NOUUID/protection", "", "", "401 404 404 - -"},
	{"POST /easel/v1/images/{id}/protection", "/easel/v1/images/$IMAGE/protection", "/easel/v1/images/$NOUUID/protection", "", "", "401 404 404 403* 403*"},
	{"DELETE /easel/v1/images/{id}/protection", "/easel/v1/images/$IMAGE/protection", "/easel/v1/images/$NOUUID/protection", "", "", "401 404 404 403* 403*"},
	{"GET /easel/v1/organisations/{org}/immutable-tags", "/easel/v1/organisations/team/immutable-tags", "/easel/v1/organisations/nope/immutable-tags", "", "", "401 - 403* 403* -"},
	{"PUT /easel/v1/organisations/{org}/immutable-tags", "/easel/v1/organisations/team/immutable-tags", "/easel/v1/organisations/nope/immutable-tags", `{"patterns":["*"]}`, "", "401 - 403* 403* 403*"},
	{"GET /easel/v1/repositories/{org}/{name}/immutable-tags", "/easel/v1/repositories/team/private/immutable-tags", "/easel/v1/repositories/team/missing/immutable-tags", "", "", "401 - 403 404 -"},
	{"PUT /easel/v1/repositories/{org}/{name}/immutable-tags", "/easel/v1/repositories/team/private/immutable-tags", "/easel/v1/repositories/team/missing/immutable-tags", `{"patterns":["*"]}`, "", "401 - 403 404 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"filter":{"namespace":"$ORG","name":"$REPO"},"force":true}`, "", "401 404 404 - -"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"filter":{"namespace":"$ORG","name":"$REPO"},"force":true}`, "", "401 404 404 403* 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"repository":"team/$REPO"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"tag":"team/$REPO:v1"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/plans", "/easel/v1/plans", "/easel/v1/plans", `{"manifest":"team/$REPO@$MANIFEST"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"repository":"team/$REPO"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/deletions", "/easel/v1/deletions", "/easel/v1/deletions", `{"tag":"team/$REPO:v1"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/jobs", "/easel/v1/jobs", "/easel/v1/jobs", `{"images":["$IMAGE"],"force":true}`, "", "401 404 404 - -"},
	{"POST /easel/v1/jobs", "/easel/v1/jobs", "/easel/v1/jobs", `{"filter":{"namespace":"$ORG","name":"$REPO"},"force":true}`, "", "401 404 404 - -"},
	{"GET /easel/v1/jobs", "/easel/v1/jobs", "", "", "", "401 200 200 - -"},
	{"GET /easel/v1/jobs/{id}", "/easel/v1/jobs/$JOB", "/easel/v1/jobs/$NOUUID", "", "", "401 404 404 - -"},
	{"GET /easel/v1/jobs/{id}/events", "/easel/v1/jobs/$JOB/events", "/easel/v1/jobs/$NOUUID/events", "", "", "401 404 404 - -"},
	{"POST /easel/v1/jobs/{id}/pause", "/easel/v1/jobs/$JOB/pause", "/easel/v1/jobs/$NOUUID/pause", "", "", "401 404 404 - -"},
	{"POST /easel/v1/jobs/{id}/resume", "/easel/v1/jobs/$JOB/resume", "/easel/v1/jobs/$NOUUID/resume", "", "", "401 404 404 - -"},
	{"POST /easel/v1/jobs/{id}/cancel", "/easel/v1/jobs/$JOB/cancel", "/easel/v1/jobs/$NOUUID/cancel", "", "", "401 404 404 - -"},
	{"GET /easel/v1/organisations/{org}/undo", "/easel/v1/organisations/team/undo", "/easel/v1/organisations/nope/undo", "", "", "401 - 403* 403* -"},
	{"PUT /easel/v1/organisations/{org}/undo", "/easel/v1/organisations/team/undo", "/easel/v1/organisations/nope/undo", `{"window_seconds":0}`, "", "401 - 403* 403* 403*"},
	{"GET /easel/v1/trash", "/easel/v1/trash", "", "", "", "401 - 200 200 200"},
	{"GET /easel/v1/trash", "/easel/v1/trash?organisation=team", "/easel/v1/trash?organisation=newt", "", "", "401 - 200 200 200"},
	{"GET /easel/v1/trash/{id}", "/easel/v1/trash/$RECEIPT", "/easel/v1/trash/$NOUUID", "", "", "401 - 404 404 404"},
	{"POST /easel/v1/trash/{id}/restore", "/easel/v1/trash/$RECEIPT/restore", "/easel/v1/trash/$NOUUID/restore", "", "", "401 - 404 404 404"},
	{"DELETE /easel/v1/trash/{id}", "/easel/v1/trash/$RECEIPT", "/easel/v1/trash/$NOUUID", "", "", "401 - 404 404 404"},
	{"GET /easel/v1/receipts/{id}", "/easel/v1/receipts/$RECEIPT", "/easel/v1/receipts/$NOUUID", "", "", "401 - 404 - -"},
	{"GET /easel/v1/receipts/key", "/easel/v1/receipts/key", "", "", "", "401 - - - -"},
	{"GET /easel/v1/free", "/easel/v1/free?bytes=1", "", "", "", "401 - - 200 200"},
	{"POST /easel/v1/free", "/easel/v1/free", "", `{"bytes":1}`, "If-Match: none", "401 - - 404* 404*"},
	{"GET /easel/v1/use", "/easel/v1/use?image=team/private:v1", "/easel/v1/use?image=team/missing:v1", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/ledger", "/easel/v1/ledger", "", "", "", "401 - 200 200 200"},
	{"GET /easel/v1/ledger", "/easel/v1/ledger?scope=team", "/easel/v1/ledger?scope=nope", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/ledger", "/easel/v1/ledger?scope=team/private", "/easel/v1/ledger?scope=team/missing", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/ledger", "/easel/v1/ledger?scope=team/private:v1", "/easel/v1/ledger?scope=team/missing:v1", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/blobs", "/easel/v1/blobs?image=team/private:v1", "/easel/v1/blobs?image=team/missing:v1", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/blobs/{digest}/why", "/easel/v1/blobs/$BLOB/why", "/easel/v1/blobs/$NODIGEST/why", "", "", "401 - 404 404 -"},
	{"GET /easel/v1/audit", "/easel/v1/audit", "", "", "", "401 - 200 403 403"},
	{"GET /easel/v1/audit/head", "/easel/v1/audit/head", "", "", "", "401 - 200 403 403"},
	{"GET /easel/v1/audit/verify", "/easel/v1/audit/verify?from=$RECEIPT", "/easel/v1/audit/verify?from=$NOUUID", "", "", "401 - 404 403 403"},
	{"GET /easel/v1/hooks", "/easel/v1/hooks", "", "", "", "401 - 200 200 200"},
	{"GET /easel/v1/hooks", "/easel/v1/hooks?organisation=team", "/easel/v1/hooks?organisation=newt", "", "", "401 - 404 404 403*"},
	{"POST /easel/v1/hooks", "/easel/v1/hooks", "/easel/v1/hooks", `{"url":"https://sink.example.com/","organisation":"$ORG"}`, "", "401 - 404 404 403*"},
	{"POST /easel/v1/hooks", "/easel/v1/hooks", "", `{"url":"https://sink.example.com/"}`, "", "401 - - 403 403"},
	{"GET /easel/v1/hooks/{id}", "/easel/v1/hooks/$HOOK", "/easel/v1/hooks/$NOID", "", "", "401 - 404 404 404"},
	{"PATCH /easel/v1/hooks/{id}", "/easel/v1/hooks/$HOOK", "/easel/v1/hooks/$NOID", `{"active":false}`, "", "401 - 404 404 404"},
	{"DELETE /easel/v1/hooks/{id}", "/easel/v1/hooks/$HOOK", "/easel/v1/hooks/$NOID", "", "", "401 - 404 404 404"},
	{"POST /easel/v1/hooks/{id}/test", "/easel/v1/hooks/$HOOK/test", "/easel/v1/hooks/$NOID/test", "", "", "401 - 404 404 404"},
	{"POST /easel/v1/hooks/{id}/retry", "/easel/v1/hooks/$HOOK/retry", "/easel/v1/hooks/$NOID/retry", "", "", "401 - 404 404 404"},
	{"GET /easel/v1/hooks/{id}/deliveries", "/easel/v1/hooks/$HOOK/deliveries", "/easel/v1/hooks/$NOID/deliveries", "", "", "401 - 404 404 404"},
	{"GET /easel/v1/sso", "/easel/v1/sso", "", "", "", public},
	{"POST /easel/v1/sso/{provider}/authorization", "/easel/v1/sso/corp/authorization", "", "{}", "", "open 404"},
	{"POST /easel/v1/sso/{provider}/device", "/easel/v1/sso/corp/device", "", "", "", "open 404"},
	{"POST /easel/v1/sso/{provider}/session", "/easel/v1/sso/corp/session", "", `{"device_code":"x"}`, "", "open 404"},
	{"GET /easel/v1/trusts", "/easel/v1/trusts", "", "", "", "401 - 200 200 200"},
	{"POST /easel/v1/trusts", "/easel/v1/trusts", "/easel/v1/trusts", `{"name":"x","user_id":"$USER","issuer":"https://ci.example.org","audience":"x","claims":{"sub":"x"},"repositories":["*"],"actions":["pull"]}`, "", "401 - 403 403* 403*"},
	{"GET /easel/v1/trusts/{id}", "/easel/v1/trusts/$TRUST", "/easel/v1/trusts/$NOUUID", "", "", "401 - 404 403* 403*"},
	{"PATCH /easel/v1/trusts/{id}", "/easel/v1/trusts/$TRUST", "/easel/v1/trusts/$NOUUID", `{"active":false}`, "", "401 - 404 403* 403*"},
	{"DELETE /easel/v1/trusts/{id}", "/easel/v1/trusts/$TRUST", "/easel/v1/trusts/$NOUUID", "", "", "401 - 404 403* 403*"},
	{"POST /easel/v1/exchange", "/easel/v1/exchange", "/easel/v1/exchange", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token=x&audience=$TRUST", "Content-Type: application/x-www-form-urlencoded", "open 400"},
	{"POST /easel/v1/check", "/easel/v1/check", "", "{}", "", "401 - 403 403 403"},
	{"GET /easel/v1/robots", "/easel/v1/robots", "", "", "", "401 - 200 200 200"},
	{"POST /easel/v1/robots", "/easel/v1/robots", "/easel/v1/robots", `{"name":"x","user_id":"$USER","repositories":["*"],"actions":["pull"]}`, "", "401 - 403 403* 403*"},
	{"DELETE /easel/v1/robots/{access_key}", "/easel/v1/robots/$KEY", "/easel/v1/robots/NOSUCHACCESSKEY00000", "", "", "401 404 404 404 404"},
	{"GET /easel/v1/left-behind", "/easel/v1/left-behind", "", "", "", "401 - 200 200 200"},
	{"GET /easel/v1/left-behind", "/easel/v1/left-behind?organisation=team", "/easel/v1/left-behind?organisation=nope", "", "", "401 - 200 200 200"},
	{"POST /easel/v1/reclaim", "/easel/v1/reclaim", "/easel/v1/reclaim", `{"untagged":true,"unregistered":true,"organisation":"$ORG"}`, "", "401 - 200 200 200"},
	{"POST /easel/v1/reclaim", "/easel/v1/reclaim", "", "", "", "401 - 403 403 403"},
}

// TestMatrixIsComplete fails when a route has no line in the table, or a line
// names a route that is not there.
func TestMatrixIsComplete(t *testing.T) {
	t.Parallel()
	routes := slices.Concat(
		ociapi.Patterns(),
		modelarts.New(nil, nil, modelarts.Options{}).Patterns(),
		swr.New(nil, nil, swr.Options{}).Patterns(), []string{"GET /{$}"},
		iam.New(nil, nil, iam.Options{}).Patterns(), iam.NewRegistryAuth(nil).Patterns(),
		easelapi.New(easelapi.Options{}).Patterns(),
	)
	lines := map[string]bool{}
	for _, a := range attempts {
		lines[a.pattern] = true
	}
	slices.Sort(routes)
	if diff := cmp.Diff(slices.Compact(routes), slices.Sorted(maps.Keys(lines))); diff != "" {
		t.Errorf("routes that are served, and those with a line in the tenancy matrix (-served +line):\n%s", diff)
	}
}

// TestMatrix sends every line as every stranger. Neither the status nor
// anything else in an answer may tell whether the thing exists.
func TestMatrix(t *testing.T) {
	t.Parallel()
	in := start(t)
	m := settleMatrix(t, in)
	for _, a := range attempts {
		for stranger, name := range strangers {
			want, mayKnow := a.status(stranger)
			if want == 0 {
				continue
			}
			there, absent := m.request(a, stranger, a.target, m.present), m.request(a, stranger, a.missing, m.absent)
			got := in.send(t, there)
			what := fmt.Sprintf("%s %s as %s", there.method, there.target, name)
			got.want(t, what, want)
			m.tellsNothing(t, what, stranger, there, got)
			if a.missing == "" || mayKnow {
				continue
			}
			if diff := cmp.Diff(plain(got, there, absent), plain(in.send(t, absent), absent, there)); diff != "" {
				t.Errorf("%s: the answer tells whether it exists (-there +absent):\n%s", what, diff)
			}
		}
	}
	m.allIsThere(t)
}

// status returns what the stranger must get, 0 for whoever has the right, and
// whether it may know that the thing exists.
func (a attempt) status(stranger int) (want int, mayKnow bool) {
	if a.want == public {
		if a.target == "/" && stranger != revokedKey { // who signs is shown the versions of SWR
			return http.StatusMultipleChoices, false
		}
		return http.StatusOK, false
	}
	if always, isOpen := strings.CutPrefix(a.want, open); isOpen {
		fmt.Sscan(always, &want)
		return want, false
	}
	cells := strings.Fields(a.want)
	if stranger >= len(cells) {
		return http.StatusUnauthorized, false
	}
	cell, mayKnow := strings.CutSuffix(cells[stranger], "*")
	if cell == "-" {
		return 0, false
	}
	fmt.Sscan(cell, &want)
	return want, mayKnow
}

// matrix is an installation with something of everything, all of it ann's.
type matrix struct {
	*installation
	present, absent map[string]string // what $NAME stands for
	token, bearer   [numStrangers]string
	project         [numStrangers]string
	key, secret     string // revoked
	secrets         []string
}

func settleMatrix(t *testing.T, in *installation) *matrix {
	t.Helper()
	m := &matrix{installation: in}
	manifest := in.image(t, "ann", "team/private", "configuration", "secret layer")
	in.put(t, "ann", "team/private", "v1", manifest).want(t, "push", http.StatusCreated)
	in.push(t, "ann", "team/private", "v2", "configuration 2", "secret layer")
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":3600}`).want(t, "undo window", http.StatusOK)
	in.push(t, "ann", "team/done", "v1", "configuration 3", "layer 3")
	rule, err := easel.ParseRetention(easel.TagRule, 10, nil)
	must(t, err)
	retention, err := in.db.AddRetention(t.Context(), in.people["ann"].Principal, "team/private", rule)
	must(t, err)
	upload := in.oci(t, "ann", "POST", "team/private", "/blobs/uploads/", "").want(t, "start an upload", http.StatusAccepted)
	deleted := in.oci(t, "ann", "DELETE", "team/done", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	in.register(t, "ann", "team/private:v2")
	job := in.iam(t, "ann", "POST", "/easel/v1/jobs", `{"filter":{"tag":"v2"}}`).want(t, "start a job", http.StatusAccepted)
	image := in.register(t, "ann", "team/private:v1")
	ann := in.people["ann"]
	closed, err := in.db.CreateWorkspace(t.Context(), ann.Principal, easel.Workspace{Project: acmeOne, Name: "closed", Access: easel.Private})
	must(t, err)
	in.push(t, "ann", "team/hidden", "v1", "configuration 4", "layer 4")
	hidden := field[string](t, in.iam(t, "ann", "POST", "/v1/"+acmeOne+"/images", `{"swr_path":"team/hidden:v1","workspace_id":"`+closed.ID+`"}`).want(t, "register in a workspace", http.StatusOK), "id")
	crew := field[map[string]any](t, in.iam(t, "ann", "POST", "/v3/groups", `{"group":{"name":"crew"}}`).want(t, "make a group", http.StatusCreated), "group")["id"].(string)
	in.iam(t, "ann", "PUT", "/v3/groups/"+crew+"/users/"+ann.UserID, "").want(t, "join it", http.StatusNoContent)
	hook := in.hook(t, "ann", "team")
	trust := field[string](t, in.iam(t, "ann", "POST", "/easel/v1/trusts", `{"name":"ci","issuer":"https://ci.example.org","audience":"easel","claims":{"sub":"x"},
		"repositories":["*"],"actions":["push"]}`).want(t, "make a trust", http.StatusCreated), "id")
	policy := field[map[string]any](t, in.iam(t, "ann", "POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"look","type":"XA","policy":
		{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr:repo:get*"]}]}}}`).want(t, "make a policy", http.StatusCreated), "role")["id"].(string)
	for _, place := range []string{"/v3/domains/" + ann.DomainID, "/v3/projects/" + acmeOne, "/v3/OS-INHERIT/domains/" + ann.DomainID} {
		inherited := map[bool]string{true: "/inherited_to_projects"}[strings.Contains(place, "INHERIT")]
		in.iam(t, "ann", "PUT", place+"/groups/"+crew+"/roles/"+policy+inherited, "").want(t, "grant it", http.StatusNoContent)
	}
	m.present = map[string]string{
		"MANIFEST": digestOf(manifest), "BLOB": digestOf("secret layer"), "UPLOAD": upload.header.Get("Docker-Upload-Uuid"),
		"WORKSPACE": closed.ID, "HIDDEN": hidden, "HIDDENGROUP": easel.GroupID(acmeOne, closed.ID, "team", "hidden"),
		"IMAGE": image, "GROUP": easel.GroupID(acmeOne, "0", "team", "private"), "RECEIPT": deleted.header.Get("X-Easel-Receipt"),
		"P1": acmeOne, "USER": ann.UserID, "ADMIN": "ann", "KEY": ann.AccessKey, "TOKEN": in.token(t, "ann", ""), "BODY": manifest, "JOB": field[string](t, job, "id"),
		"HOOK": hook, "TRUST": trust, "ORG": "team", "REPO": "private", "V2": "v2", "CREW": crew, "POLICY": policy, "DOMAIN": ann.DomainID, "WRONGLOGIN": "cHJvamVjdC1hMUB4Ong=",
	}
	uuid := "01a20993-fba6-7557-9f78-87f3e5ab0000"
	m.present["RETENTION"] = fmt.Sprint(retention)
	m.absent = maps.Clone(m.present)
	maps.Copy(m.absent, map[string]string{
		"HOOK": strings.Repeat("0", 32), "WORKSPACE": strings.Repeat("z", 32), "HIDDEN": uuid, "HIDDENGROUP": uuid,
		"IMAGE": uuid, "GROUP": uuid, "TRUST": uuid, "USER": strings.Repeat("0", 32), "ADMIN": "abc", "KEY": "NOSUCHACCESSKEY00000", "TOKEN": strings.Repeat("A", 43),
		"ORG": "newt", "REPO": "missing", "V2": "v9", "P1": strings.Repeat("0", 32), "CREW": strings.Repeat("1", 32), "POLICY": strings.Repeat("2", 32),
	})
	for _, all := range []map[string]string{m.present, m.absent} {
		maps.Copy(all, map[string]string{"NOUUID": uuid, "NOID": strings.Repeat("0", 32), "NODIGEST": digestOf("nothing")})
	}
	m.secrets = []string{m.present["MANIFEST"], m.present["BLOB"], image, m.present["GROUP"], m.present["RECEIPT"], m.present["UPLOAD"], ann.UserID, ann.AccessKey, crew, policy, closed.ID, hidden, "team/hidden", "team/private", "project-a", acmeOne, "secret layer"}
	m.credentials(t)
	return m
}

// matrixScopes is all that the lines of the registry need.
var matrixScopes = []string{"registry:catalog:*", "repository:team/private:pull,push,delete", "repository:team/missing:pull,push,delete"}

// credentials gives every stranger an IAM token and a registry token for
// everything that it can get one for.
func (m *matrix) credentials(t *testing.T) {
	t.Helper()
	scopes := matrixScopes
	for stranger, user := range map[int]string{otherProject: "cleo", otherDomain: "gus", ungranted: "ben", reader: "ray", disabledPerson: "mia", expiredToken: "mia"} {
		m.token[stranger], m.bearer[stranger] = m.installation.token(t, user, ""), m.installation.bearer(t, user, scopes...)
		m.project[stranger] = m.people[user].ProjectID
	}
	for _, stranger := range []int{anonymous, revokedKey, expiredToken, disabledPerson} {
		m.project[stranger] = acmeOne
	}
	mia := m.people["mia"]
	m.key, m.secret, m.bearer[revokedKey] = mia.AccessKey, mia.secret, m.installation.bearer(t, "mia", scopes...)
	off := false
	must(t, m.db.UpdateKey(t.Context(), mia.AccessKey, &off, nil))
	key, secret, err := m.identity.CreateKey(t.Context(), mia.Principal, mia.UserID, "")
	must(t, err)
	mia.AccessKey, mia.secret = key.Access, secret
	m.bearer[disabledPerson] = m.installation.bearer(t, "mia", scopes...)
	m.expired(t, scopes)
	must(t, m.db.EnableAccount(t.Context(), mia.UserID, false))
}

// request is a as the stranger sends it.
func (m *matrix) request(a attempt, stranger int, target string, values map[string]string) request {
	from := sender{token: m.token[stranger], bearer: m.bearer[stranger], project: m.project[stranger]}
	if stranger == revokedKey {
		from.key, from.secret = m.key, m.secret
	}
	return from.request(a, target, values)
}

// sender is what somebody has to send requests with.
type sender struct {
	token, bearer string // of IAM and of the registry
	key, secret   string // if there are, they sign
	project       string
}

// request is a as the sender sends it.
func (s sender) request(a attempt, target string, values map[string]string) request {
	method, _, _ := strings.Cut(a.pattern, " ")
	fill := func(text string) string {
		return variable.ReplaceAllStringFunc(text, func(name string) string {
			if name == "$OWN" {
				return s.project
			}
			return values[name[1:]]
		})
	}
	r := request{method, fill(target), map[string]string{}, fill(a.body)}
	registry := strings.HasPrefix(target, "/v2/") && !strings.HasPrefix(target, "/v2/manage/")
	switch {
	case registry && s.bearer != "":
		r.header["Authorization"] = s.bearer
	case !registry && s.key != "":
		signPlain(&r, s.key, s.secret, time.Now())
	case !registry && s.token != "":
		r.header["X-Auth-Token"] = s.token
	}
	if name, value, ok := strings.Cut(a.header, ": "); ok {
		r.header[name] = fill(value)
	}
	return r
}

var variable = regexp.MustCompile(`\$[A-Z0-9]+`)

// plain is an answer without what differs by chance and without the names that
// were sent: what r has and other has not is replaced.
func plain(a answer, r, other request) string {
	header := a.header.Clone()
	for _, name := range []string{"X-Request-Id", "X-Iam-Trace-Id", "Date", "Content-Length"} {
		header.Del(name)
	}
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintln(&b, name, header[name])
	}
	text := b.String() + a.body
	mine, others := sent(r), sent(other)
	for i, word := range mine {
		if i < len(others) && word != others[i] {
			text = strings.ReplaceAll(text, word, fmt.Sprintf("<%d>", i))
		}
	}
	return text
}

func sent(r request) []string {
	return strings.FieldsFunc(r.target+" "+r.body+" "+r.header["X-Subject-Token"], func(c rune) bool { return strings.ContainsRune(`/?=&" :,{}[]@`, c) })
}

// tellsNothing looks for things of acme's in an answer to somebody who may not
// know them, unless the request said them first.
func (m *matrix) tellsNothing(t *testing.T, what string, stranger int, r request, got answer) {
	t.Helper()
	if slices.Contains([]int{otherProject, ungranted, reader}, stranger) {
		return // they are of the domain
	}
	said := r.target + r.body + fmt.Sprint(r.header)
	for _, secret := range m.secrets {
		if strings.Contains(got.body+fmt.Sprint(got.header), secret) && !strings.Contains(said, secret) {
			t.Errorf("%s: the answer has %s in it: %s", what, secret, got.body)
		}
	}
}

// allIsThere looks for everything that strangers tried to take.
func (m *matrix) allIsThere(t *testing.T) {
	t.Helper()
	for _, rest := range []string{"/manifests/v1", "/manifests/" + m.present["MANIFEST"], "/manifests/v2", "/blobs/" + m.present["BLOB"], "/tags/list"} {
		m.oci(t, "ann", "GET", "team/private", rest, "").want(t, rest+" afterwards", http.StatusOK)
	}
	m.oci(t, "ann", "GET", "team/private", "/blobs/uploads/"+m.present["UPLOAD"], "").want(t, "the upload afterwards", http.StatusNoContent)
	for target, want := range map[string]int{
		"/v1/" + acmeOne + "/images/" + m.present["IMAGE"]:             200,
		"/v1/" + acmeOne + "/images/" + m.present["HIDDEN"]:            200,
		"/v1/" + acmeOne + "/workspaces/" + m.present["WORKSPACE"]:     200,
		"/easel/v1/receipts/" + m.present["RECEIPT"]:                   200,
		"/easel/v1/hooks/" + m.present["HOOK"]:                         200,
		"/easel/v1/trusts/" + m.present["TRUST"]:                       200,
		"/v3.0/OS-CREDENTIAL/credentials/" + m.present["KEY"]:          200,
		"/v2/manage/namespaces/team":                                   200,
		"/v2/manage/namespaces/team/repos/missing":                     404,
		"/v2/manage/namespaces/newt":                                   404,
		"/v3/users?name=ann":                                           200,
		"/v3/groups/" + m.present["CREW"]:                              200,
		"/v3/users/" + m.present["USER"]:                               200,
		"/v3.0/OS-CREDENTIAL/credentials?user_id=" + m.present["USER"]: 200,
	} {
		m.send(t, request{method: "GET", target: target, header: map[string]string{"X-Auth-Token": m.present["TOKEN"]}}).want(t, target+" afterwards", want)
	}
	repo := m.iam(t, "ann", "GET", "/v2/manage/namespaces/team/repos/private", "").want(t, "the repository afterwards", http.StatusOK)
	if field[bool](t, repo, "is_public") {
		t.Error("a stranger published the repository")
	}
	granted := m.iam(t, "ann", "GET", "/v3.0/OS-PERMISSION/role-assignments?role_id="+m.present["POLICY"], "").want(t, "what was granted afterwards", http.StatusOK)
	if n := field[float64](t, granted, "total_num"); n != 3 {
		t.Errorf("after all attempts the policy is granted %v times, want 3", n)
	}
	m.iam(t, "ann", "HEAD", "/v3/groups/"+m.present["CREW"]+"/users/"+m.present["USER"], "").want(t, "the member afterwards", http.StatusNoContent)
	keys := m.iam(t, "ann", "GET", "/v3.0/OS-CREDENTIAL/credentials?user_id="+m.present["USER"], "").want(t, "the keys afterwards", http.StatusOK)
	if n := len(field[[]any](t, keys, "credentials")); n != 1 {
		t.Errorf("after all attempts ann has %d keys, want 1", n)
	}
}
