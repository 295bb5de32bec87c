package attack

import (
	"net/http"
	"strings"
	"testing"

	"easel"
	"easel/internal/pgtest"
)

// TestMounts tries to have a blob without having its bytes.
func TestMounts(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/private", "v1", "configuration", "secret layer")
	in.push(t, "gus", "rival/app", "v1", "configuration of gus", "layer of gus")
	there, absent := digestOf("secret layer"), digestOf("no such layer")
	for _, tt := range []struct{ name, query string }{
		{"20 mount from a foreign repository", "mount=DIGEST&from=team/private"},
		{"20 mount from wherever it is", "mount=DIGEST"},
		{"20 mount from one's own repository, which does not have it", "mount=DIGEST&from=rival/app"},
		{"20 mount from no repository", "mount=DIGEST&from=../blobs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got [2]string
			for i, digest := range []string{there, absent} {
				a := in.oci(t, "gus", "POST", "rival/app", "/blobs/uploads/?"+strings.ReplaceAll(tt.query, "DIGEST", digest), "").
					want(t, "mount", http.StatusAccepted)
				id := a.header.Get("Docker-Upload-Uuid")
				got[i] = strings.ReplaceAll(plain(a, request{}, request{}), id, "<id>")
				in.oci(t, "gus", "DELETE", "rival/app", "/blobs/uploads/"+id, "").want(t, "cancel", http.StatusNoContent)
			}
			if got[0] != got[1] {
				t.Errorf("the answer tells whether somebody has the blob:\n%s\n%s", got[0], got[1])
			}
		})
	}
	for _, rest := range []string{"/blobs/" + there, "/manifests/" + there, "/referrers/" + there} {
		there := in.oci(t, "gus", "HEAD", "rival/app", rest, "")
		absent := in.oci(t, "gus", "HEAD", "rival/app", strings.ReplaceAll(rest, digestOf("secret layer"), absent), "")
		if there.status != absent.status {
			t.Errorf("20 HEAD %s: %d for what a stranger has, %d for what nobody has", rest, there.status, absent.status)
		}
	}
	foreign := strings.ReplaceAll(in.image(t, "gus", "rival/app", "configuration of gus", "layer of gus"), digestOf("layer of gus"), there)
	in.put(t, "gus", "rival/app", "stolen", foreign).want(t, "20 a manifest that names a stranger's blob", http.StatusBadRequest)
}

// TestOverwriting attacks tags with less than the right to push.
func TestOverwriting(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/app", "latest", "configuration", "layer")
	before := in.oci(t, "ann", "HEAD", "team/app", "/manifests/latest", "").header.Get("Docker-Content-Digest")
	other := in.image(t, "dan", "team/app", "other configuration", "layer")
	put := func(t *testing.T, user, scope, rest string) answer {
		t.Helper()
		return in.send(t, request{"PUT", "/v2/team/app/manifests/" + rest, map[string]string{
			"Authorization": in.bearer(t, user, scope), "Content-Type": easel.MediaTypeOCIManifest}, other})
	}
	for _, tt := range []struct{ name, user, scope, rest string }{
		{"21 a reader overwrites a tag", "ray", "repository:team/app:pull,push", "latest"},
		{"21 a reader overwrites a tag beside a digest", "ray", "repository:team/app:pull,push", digestOf(other) + "?tag=latest"},
		{"21 a token that only pulls", "dan", "repository:team/app:pull", "latest"},
		{"21 a token of another repository", "dan", "repository:team/other:pull,push", "latest"},
		{"21 a token that asks for more than there is", "ray", "repository:team/app:*", "latest"},
		{"21 a stranger", "gus", "repository:team/app:pull,push", digestOf(other) + "?tag=latest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			put(t, tt.user, tt.scope, tt.rest).want(t, "put", http.StatusUnauthorized)
		})
	}
	if now := in.oci(t, "ann", "HEAD", "team/app", "/manifests/latest", "").header.Get("Docker-Content-Digest"); now != before {
		t.Errorf("the tag names %s, not %s", now, before)
	}
	in.oci(t, "dan", "DELETE", "team/app", "/manifests/latest", "").want(t, "21 edit does not mean delete", http.StatusUnauthorized)
	put(t, "dan", "repository:team/app:pull,push", "latest").want(t, "who may push", http.StatusCreated)
}

// TestRights takes rights away while tokens live.
func TestRights(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		take func(*testing.T, *installation)
		// What a request with the old token gets then: of the registry and of SWR.
		oci, swr int
	}{
		{"22 the grant is revoked", func(t *testing.T, in *installation) { in.grant(t, "dan", "team", 0) }, 404, 404},
		{"22 the grant is lowered", func(t *testing.T, in *installation) { in.grant(t, "dan", "team", 1) }, 403, 403},
		{"22 the user is disabled", func(t *testing.T, in *installation) {
			must(t, in.db.EnableAccount(t.Context(), in.people["dan"].UserID, false))
		}, 401, 401},
		{"22 the key is deleted", func(t *testing.T, in *installation) {
			must(t, in.db.DeleteKey(t.Context(), in.people["dan"].AccessKey))
		}, 401, 201},
		{"22 the domain is disabled", func(t *testing.T, in *installation) { in.exec(t, `UPDATE domain SET enabled = 0 WHERE name = 'acme'`) }, 401, 401},
		{"22 the project is disabled", func(t *testing.T, in *installation) {
			in.exec(t, `UPDATE project SET enabled = 0 WHERE id = $1`, acmeOne)
		}, 401, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var in *installation
			if testing.Short() || strings.Contains(tt.name, "the key") {
				in = start(t)
			} else { // some of it has no route, and a server on SQLite is alone with its database
				in = startOn(t, t.TempDir(), pgtest.Start(t))
			}
			in.push(t, "dan", "team/app", "v1", "configuration", "layer")
			bearer, token := in.bearer(t, "dan", "repository:team/app:pull,push"), in.token(t, "dan", "")
			try := func() (oci, swr int) {
				a := in.send(t, request{"POST", "/v2/team/app/blobs/uploads/", map[string]string{"Authorization": bearer}, ""})
				b := in.send(t, request{"PATCH", "/v2/manage/namespaces/team/repos/app", map[string]string{"X-Auth-Token": token}, `{"is_public":false}`})
				return a.status, b.status
			}
			if oci, swr := try(); oci != http.StatusAccepted || swr != http.StatusCreated {
				t.Fatalf("before: %d, %d", oci, swr)
			}
			tt.take(t, in)
			if oci, swr := try(); oci != tt.oci || swr != tt.swr {
				t.Errorf("afterwards: registry %d, want %d; SWR %d, want %d", oci, tt.oci, swr, tt.swr)
			}
		})
	}
}

// TestUploadSessions attacks another user's session and the order of chunks.
func TestUploadSessions(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	id := in.oci(t, "ann", "POST", "team/app", "/blobs/uploads/", "").want(t, "start", http.StatusAccepted).header.Get("Docker-Upload-Uuid")
	session := "/blobs/uploads/" + id
	in.oci(t, "ann", "PATCH", "team/app", session, "0123456789").want(t, "first chunk", http.StatusAccepted)
	for _, tt := range []struct {
		name, user, method, rest, body, contentRange string
		want                                         int
	}{
		{"18 another user of the repository asks", "dan", "GET", session, "", "", 404},
		{"18 another user of the repository writes", "dan", "PATCH", session, "x", "10-10", 404},
		{"18 another user of the repository finishes", "dan", "PUT", session + "?digest=" + digestOf("0123456789"), "", "", 404},
		{"18 another user of the repository cancels", "dan", "DELETE", session, "", "", 404},
		{"18 a gap", "ann", "PATCH", session, "x", "11-11", 416},
		{"18 an overlap", "ann", "PATCH", session, "x", "9-9", 416},
		{"18 the wrong digest at the end", "ann", "PUT", session + "?digest=" + digestOf("other"), "", "", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := []string{}
			if tt.contentRange != "" {
				h = append(h, "Content-Range", tt.contentRange)
			}
			in.oci(t, tt.user, tt.method, "team/app", tt.rest, tt.body, h...).want(t, tt.method, tt.want)
		})
	}
	in.oci(t, "ann", "HEAD", "team/app", "/blobs/"+digestOf("other"), "").want(t, "the blob that nobody sent", http.StatusNotFound)
}
