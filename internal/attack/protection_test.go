package attack

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"easel"
)

// TestProtection attacks what is protected through every family, and then
// turns protection itself into a weapon.
func TestProtection(t *testing.T) {
	t.Parallel()
	in := start(t)
	manifest := in.image(t, "ann", "team/torch", "configuration", "layer")
	in.put(t, "ann", "team/torch", "v1", manifest).want(t, "push", http.StatusCreated)
	other := in.image(t, "ann", "team/torch", "configuration 2", "layer 2")
	in.put(t, "ann", "team/torch", "v2", other).want(t, "push", http.StatusCreated)
	image := in.register(t, "ann", "team/torch:v1")
	protection := "/easel/v1/images/" + image + "/protection"
	in.iam(t, "ann", "POST", protection, "").want(t, "protect", http.StatusOK)

	group := easel.GroupID(acmeOne, "0", "team", "torch")
	repo := "/v2/manage/namespaces/team/repos/torch"
	for _, try := range []struct {
		what string
		got  answer
		code string
	}{
		{"image", in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+image, ""), "403 ModelArts.0108"},
		{"image by force", in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+image+"?force=true", ""), "403 ModelArts.0108"},
		{"group", in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/group/"+group+"?force=true", ""), "403 ModelArts.0108"},
		{"many", in.iam(t, "ann", "POST", "/easel/v1/deletions", `{"images":["`+image+`"],"force":true}`), "403 ModelArts.0108"},
		{"tag", in.oci(t, "ann", "DELETE", "team/torch", "/manifests/v1", ""), "409 DENIED"},
		{"manifest", in.oci(t, "ann", "DELETE", "team/torch", "/manifests/"+digestOf(manifest), ""), "409 DENIED"},
		{"layer", in.oci(t, "ann", "DELETE", "team/torch", "/blobs/"+digestOf("layer"), ""), "409 DENIED"},
		{"push over it", in.put(t, "ann", "team/torch", "v1", other), "409 DENIED"},
		{"push over it aside", in.put(t, "ann", "team/torch", digestOf(other)+"?tag=v1", other), "409 DENIED"},
		{"tag through SWR", in.iam(t, "ann", "DELETE", repo+"/tags/v1", ""), "409 SVCSTG.SWR.4090023"},
		{"repository through SWR", in.iam(t, "ann", "DELETE", repo, ""), "409 SVCSTG.SWR.4090023"},
	} {
		status, code, _ := strings.Cut(try.code, " ")
		if status != strconv.Itoa(try.got.status) || !strings.Contains(try.got.body, `"`+code+`"`) {
			t.Errorf("%s: %d %s, want %s", try.what, try.got.status, try.got.body, try.code)
		}
		if try.what != "layer" && !strings.Contains(try.got.body, "protected by ann") {
			t.Errorf("%s: the answer does not say who protects it: %s", try.what, try.got.body)
		}
	}
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/immutable-tags", `{"patterns":["keep"]}`).want(t, "immutable tags", http.StatusOK)
	in.put(t, "ann", "team/torch", "keep", other).want(t, "push", http.StatusCreated)
	in.put(t, "ann", "team/torch", "keep", manifest).want(t, "push over an immutable tag", http.StatusConflict)
	in.put(t, "ann", "team/torch", digestOf(manifest)+"?tag=keep", manifest).want(t, "push over it aside", http.StatusConflict)
	in.oci(t, "ann", "DELETE", "team/torch", "/manifests/"+digestOf(other), "").want(t, "delete the manifest of it", http.StatusConflict)
	in.iam(t, "ann", "DELETE", repo+"/tags/keep", "").want(t, "delete it through SWR", http.StatusConflict)
	in.iam(t, "ann", "PUT", "/easel/v1/organisations/team/immutable-tags", `{"patterns":[]}`).want(t, "mutable tags", http.StatusOK)
	in.oci(t, "ann", "GET", "team/torch", "/manifests/v1", "").want(t, "pull", http.StatusOK)

	// Whoever may pull what is public can register it, and must not bind its owner with that.
	in.iam(t, "ann", "PATCH", repo, `{"is_public":true}`).want(t, "make it public", http.StatusCreated)
	foreign := in.register(t, "gus", "team/torch:v2")
	in.iam(t, "gus", "POST", "/easel/v1/images/"+foreign+"/protection", "").want(t, "a stranger's protection", http.StatusForbidden)
	in.oci(t, "ann", "DELETE", "team/torch", "/manifests/v2", "").want(t, "delete what a stranger registered", http.StatusAccepted)

	in.iam(t, "ann", "DELETE", protection, "").want(t, "lift the protection", http.StatusOK)
	in.iam(t, "ann", "DELETE", "/v1/"+acmeOne+"/images/"+image+"?force=true", "").want(t, "delete at last", http.StatusOK)
	in.sound(t)
}
