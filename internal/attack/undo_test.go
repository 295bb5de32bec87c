package attack

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestNowTakesMoreThanDelete: whoever may delete, but not purge trash, cannot
// keep others from undoing what it deletes.
func TestNowTakesMoreThanDelete(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":3600}`).want(t, "an undo window", http.StatusOK)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	digest := in.push(t, "ann", "team/app", "v2", "configuration", "another layer")
	in.push(t, "ann", "team/app", "moved", "configuration", "left behind")
	in.push(t, "ann", "team/app", "moved", "configuration", "layer")
	id := in.register(t, "ann", "team/app:v1")
	r := in.robot(t, "ann", `"repositories":["*"],"actions":["pull","delete","read"]`)
	now := map[string]string{"X-Easel-Delete-Now": "true"}
	signed := func(method, target, body string, header map[string]string) answer {
		t.Helper()
		q := request{method, target, map[string]string{}, body}
		signPlain(&q, r.access, r.secret, time.Now())
		for name, value := range header {
			q.header[name] = value
		}
		return in.send(t, q)
	}
	bearer := map[string]string{"Authorization": "Bearer " + field[string](t, r.token(t, "repository:team/app:pull,delete"), "token"), "X-Easel-Delete-Now": "true"}
	for _, tt := range []struct {
		name string
		a    answer
	}{
		{"a tag", signed("DELETE", "/v2/manage/namespaces/team/repos/app/tags/v1", "", now)},
		{"the repository", signed("DELETE", "/v2/manage/namespaces/team/repos/app", "", now)},
		{"an image", signed("DELETE", "/v1/"+acmeOne+"/images/"+id+"?force=true", "", now)},
		{"images, by the body", signed("POST", "/easel/v1/deletions", `{"images":["`+id+`"],"force":true,"now":true}`, nil)},
		{"a manifest, with docker", in.send(t, request{"DELETE", "/v2/team/app/manifests/" + digest, bearer, ""})},
		{"what was left behind", signed("POST", "/easel/v1/reclaim", `{"untagged":true}`, now)},
	} {
		tt.a.want(t, tt.name+" now", http.StatusForbidden)
	}
	if a := signed("GET", "/easel/v1/free?bytes=1", "", nil); strings.Contains(a.body, "team/app") {
		t.Errorf("what it may not delete for good is proposed to it: %s", a.body)
	}
	if n := in.stored(t); n == 0 {
		t.Error("something was freed")
	}
	a := signed("DELETE", "/v1/"+acmeOne+"/images/"+id+"?force=true", "", nil).want(t, "an image, to trash", http.StatusOK)
	if a.header.Get("X-Easel-Bytes-Trash") == "" {
		t.Errorf("the deletion left nothing to trash: %v", a.header)
	}
	if a := signed("GET", "/easel/v1/trash", "", nil).want(t, "the trash", http.StatusOK); strings.Contains(a.body, "team/app") {
		t.Errorf("a robot can restore %s", a.body)
	}
	admin := map[string]string{"X-Auth-Token": in.token(t, "ann", ""), "X-Easel-Delete-Now": "true"}
	if a := in.send(t, request{"DELETE", "/v2/manage/namespaces/team/repos/app/tags/v2", admin, ""}); a.status/100 != 2 || freed(t, a) != int64(len("another layer")) {
		t.Errorf("its administrator deletes now: %d, %v", a.status, a.header)
	}
}

// TestDamagedTrash changes a manifest in trash behind the server's back: the
// check finds it before a restore brings it back.
func TestDamagedTrash(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":3600}`).want(t, "an undo window", http.StatusOK)
	digest := in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	in.iam(t, "ann", "DELETE", "/v2/manage/namespaces/team/repos/app/tags/v1", "")
	in.sound(t)
	in.exec(t, `UPDATE trash_manifest SET body = $1 WHERE digest = $2`, []byte(`{"schemaVersion":2}`), digest)
	report := in.iam(t, "ann", "POST", "/easel/v1/check", `{"rehash":true}`).want(t, "check", http.StatusOK)
	if !strings.Contains(report.body, `"damaged manifest"`) || !strings.Contains(report.body, digest) {
		t.Errorf("the check finds %s", report.body)
	}
}

// TestTrashOfAClosedWorkspace: what is in a workspace that somebody may not
// enter neither shows in the trash of a repository that they manage, nor is it
// put back by them.
func TestTrashOfAClosedWorkspace(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.grant(t, "dan", "team", 7)
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":3600}`).want(t, "an undo window", http.StatusOK)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	private := field[string](t, in.iam(t, "ray", "POST", "/v1/"+acmeOne+"/workspaces", `{"name":"secret-project","auth_type":"PRIVATE"}`).want(t, "a workspace", http.StatusOK), "id")
	image := field[string](t, in.iam(t, "ray", "POST", "/v1/"+acmeOne+"/images", `{"swr_path":"team/app:v1","workspace_id":"`+private+`"}`).want(t, "register", http.StatusOK), "id")
	a := in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+image+"?force=true", "").want(t, "delete", http.StatusOK)
	trash := "/easel/v1/trash/" + a.header.Get("X-Easel-Receipt")

	for _, target := range []string{"/easel/v1/trash", trash} {
		if a := in.iam(t, "dan", "GET", target, "").want(t, "the trash", http.StatusOK); strings.Contains(a.body, image) {
			t.Errorf("%s shows an image of a workspace that is closed: %s", target, a.body)
		}
		if a := in.iam(t, "ann", "GET", target, ""); !strings.Contains(a.body, image) {
			t.Errorf("%s hides it from an administrator: %s", target, a.body)
		}
	}
	in.iam(t, "dan", "POST", trash+"/restore", "").want(t, "restore it", http.StatusForbidden)
	in.iam(t, "ann", "POST", trash+"/restore", "").want(t, "restore it as an administrator", http.StatusOK)
	in.iam(t, "ray", "GET", "/v1/"+acmeOne+"/images/"+image, "").want(t, "its owner sees it again", http.StatusOK)
}
