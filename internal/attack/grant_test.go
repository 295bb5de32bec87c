package attack

import (
	"fmt"
	"net/http"
	"testing"

	"easel/internal/pgtest"
)

// TestGrantsEndAtOnce gives and takes permissions while a client goes on with
// the registry token that it got when it had all of them.
func TestGrantsEndAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		grantsEndAtOnce(t, start(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			return
		}
		grantsEndAtOnce(t, startOn(t, t.TempDir(), pgtest.Start(t)))
	})
}

func grantsEndAtOnce(t *testing.T, in *installation) {
	manifest := in.image(t, "ann", "team/private", "configuration", "layer")
	in.put(t, "ann", "team/private", "v1", manifest).want(t, "push", http.StatusCreated)
	for _, access := range []string{"/v2/manage/namespaces/team/access", "/v2/manage/namespaces/team/repos/private/access"} {
		ben := in.people["ben"].UserID
		grant := func(method string, level int) {
			t.Helper()
			body, want := fmt.Sprintf(`[{"user_id":%q,"user_name":"ben","auth":%d}]`, ben, level), http.StatusCreated
			if method == "DELETE" {
				body, want = fmt.Sprintf("[%q]", ben), http.StatusNoContent
			}
			in.iam(t, "ann", method, access, body).want(t, method+" "+access, want)
		}
		grant("POST", 7)
		bearer := in.bearer(t, "ben", "repository:team/private:pull,push,delete")
		try := func(what string, pull, push, remove int) {
			t.Helper()
			for _, a := range []struct {
				method, rest, body string
				want               int
			}{
				{"GET", "/manifests/v1", "", pull},
				{"PUT", "/manifests/v2", manifest, push},
				{"DELETE", "/manifests/v2", "", remove},
			} {
				r := request{a.method, "/v2/team/private" + a.rest, map[string]string{"Authorization": bearer}, a.body}
				if a.body != "" {
					r.header["Content-Type"] = "application/vnd.oci.image.manifest.v1+json"
				}
				in.send(t, r).want(t, what+": "+a.method+" with the same token", a.want)
			}
		}
		try("manage on "+access, 200, 201, 202)
		grant("PATCH", 3)
		try("edit on "+access, 200, 201, 403)
		grant("PATCH", 1)
		try("read on "+access, 200, 403, 403)
		grant("DELETE", 0)
		try("nothing on "+access, 404, 404, 404)
		grant("POST", 1)
		try("read again on "+access, 200, 403, 403)
		grant("DELETE", 0)
	}
}
