package attack

import (
	"net/http"
	"testing"

	"easel/internal/pgtest"
)

// TestSharesEndAtOnce shares a repository with another account and stops,
// while that account's client goes on with the registry token that it has.
func TestSharesEndAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		sharesEndAtOnce(t, start(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			return
		}
		sharesEndAtOnce(t, startOn(t, t.TempDir(), pgtest.Start(t)))
	})
}

func sharesEndAtOnce(t *testing.T, in *installation) {
	manifest := in.image(t, "ann", "team/private", "configuration", "layer")
	in.put(t, "ann", "team/private", "v1", manifest).want(t, "push", http.StatusCreated)
	const shares = "/v2/manage/namespaces/team/repositories/private/access-domains"
	share := func(method, rest, body string, want int) {
		t.Helper()
		in.iam(t, "ann", method, shares+rest, body).want(t, method+" "+rest, want)
	}
	share("POST", "", `{"access_domain":"globex","permit":"read","deadline":"forever"}`, http.StatusCreated)
	bearer := in.bearer(t, "gus", "repository:team/private:pull,push,delete")
	try := func(what string, pull int) {
		t.Helper()
		for _, rest := range []string{"/manifests/v1", "/blobs/" + digestOf("layer"), "/tags/list"} {
			in.send(t, request{"GET", "/v2/team/private" + rest, map[string]string{"Authorization": bearer}, ""}).want(t, what+": GET "+rest, pull)
		}
		for _, a := range [][2]string{{"PUT", "/manifests/v2"}, {"DELETE", "/manifests/v1"}, {"POST", "/blobs/uploads/"}} {
			r := request{a[0], "/v2/team/private" + a[1], map[string]string{"Authorization": bearer, "Content-Type": "application/vnd.oci.image.manifest.v1+json"}, manifest}
			in.send(t, r).want(t, what+": "+a[0]+" "+a[1], http.StatusUnauthorized) // the token never had more than pull
		}
	}
	try("shared", http.StatusOK)
	both := in.bearer(t, "gus", "repository:rival/own:pull,push", "repository:team/private:pull")
	mount := func(what, name string, want int) {
		t.Helper()
		target := "/v2/rival/" + name + "/blobs/uploads/?from=team/private&mount=" + digestOf("layer")
		in.send(t, request{"POST", target, map[string]string{"Authorization": both}, ""}).want(t, what+": mount", want)
	}
	mount("shared", "own", http.StatusCreated)
	share("PATCH", "/GLOBEX", `{"permit":"read","deadline":"2020-01-01T00:00:00Z"}`, http.StatusCreated)
	try("ended", http.StatusNotFound)
	share("PATCH", "/globex", `{"permit":"read","deadline":"forever"}`, http.StatusCreated)
	try("shared again", http.StatusOK)
	share("DELETE", "/globex", "", http.StatusNoContent)
	try("taken away", http.StatusNotFound)
	in.send(t, request{"DELETE", "/v2/rival/own/blobs/" + digestOf("layer"), map[string]string{"Authorization": in.bearer(t, "gus", "repository:rival/own:delete")}, ""}).
		want(t, "delete the mounted layer", http.StatusAccepted)
	mount("taken away", "own", http.StatusAccepted) // its bytes must be uploaded
}
