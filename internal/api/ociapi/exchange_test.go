package ociapi

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/registry"
)

func TestContract(t *testing.T) { apitest.Contract(t, Patterns(), OpenAPI) }

// request is an exchange's request with a token of who ("" sends none).
func (w *world) request(who, method, target, body string, header ...string) *http.Request {
	if who != "" {
		header = append(header, "Authorization", "Bearer "+w.token(who))
	}
	return apitest.Request(method, target, body, header...)
}

func itoa(n int) string { return strconv.Itoa(n) }

func digestOf(content string) string { return string(easel.DigestOf(easel.SHA256, []byte(content))) }

// imageOf is a manifest whose config is blob.
func imageOf(blob string) string {
	return `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIManifest + `","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` +
		digestOf(blob) + `","size":` + itoa(len(blob)) + `},"layers":[]}`
}

// signatureOf is a referrer of subject.
func signatureOf(subject, blob string) string {
	return strings.Replace(imageOf(blob), `"layers":[]`, `"layers":[],"artifactType":"application/x.sig","annotations":{"by":"admin"},"subject":{"mediaType":"`+
		easel.MediaTypeOCIManifest+`","digest":"`+digestOf(subject)+`","size":`+itoa(len(subject))+`}`, 1)
}

// TestExchanges plays a push, a pull and a deletion; every operation of the
// document is answered with a success.
func TestExchanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := apitest.New(t, w.handler, OpenAPI)
	const repo = "/v2/team/image"
	image := imageOf("config")
	signature := signatureOf(image, "config")

	start := rec.Golden(t, "upload-start", w.request("admin", "POST", repo+"/blobs/uploads/", ""))[0]
	loc := start.Header().Get("Location")
	rec.Golden(t, "upload",
		w.request("admin", "PATCH", loc, "abc", "Content-Range", "0-2", "Content-Type", octetStream),
		w.request("admin", "PATCH", loc, "xyz", "Content-Range", "4-6", "Content-Type", octetStream),
		w.request("admin", "GET", loc, ""),
		w.request("admin", "PATCH", loc, "def", "Content-Type", octetStream),
		w.request("admin", "PUT", loc+"?digest="+digestOf("abcdefghi"), "ghi", "Content-Range", "6-8", "Content-Type", octetStream),
		w.request("admin", "GET", loc, ""),
	)
	loc = w.start("admin", repo)
	rec.Golden(t, "upload-cancel", w.request("admin", "DELETE", loc, ""), w.request("admin", "DELETE", loc, ""))
	loc = w.start("admin", repo)
	rec.Golden(t, "upload-wrong-digest",
		w.request("admin", "PUT", loc+"?digest="+digestOf("other"), "content", "Content-Type", octetStream),
		w.request("admin", "GET", loc, ""))
	rec.Golden(t, "upload-whole",
		w.request("admin", "POST", repo+"/blobs/uploads/?digest="+digestOf("config"), "config", "Content-Type", octetStream),
		w.request("admin", "POST", "/v2/team/other/blobs/uploads/?mount="+digestOf("config")+"&from=team/image", ""),
		w.request("admin", "POST", "/v2/team/third/blobs/uploads/?mount="+digestOf("config"), ""),
		w.request("admin", "POST", "/v2/team/third/blobs/uploads/?mount="+digestOf("absent")+"&from=team/image", ""))
	rec.Golden(t, "blob",
		w.request("admin", "HEAD", repo+"/blobs/"+digestOf("config"), ""),
		w.request("admin", "GET", repo+"/blobs/"+digestOf("config"), ""),
		w.request("admin", "GET", repo+"/blobs/"+digestOf("config"), "", "Range", "bytes=-3"),
		w.request("admin", "GET", repo+"/blobs/"+digestOf("config"), "", "Range", "bytes=6-"),
		w.request("admin", "GET", repo+"/blobs/"+digestOf("config"), "", "If-None-Match", `"`+digestOf("config")+`"`),
		w.request("admin", "GET", repo+"/blobs/"+digestOf("absent"), ""))
	rec.Golden(t, "manifest",
		w.request("admin", "PUT", repo+"/manifests/v1", image, "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "PUT", repo+"/manifests/"+digestOf(image)+"?tag=v2&tag=latest", image, "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "PUT", repo+"/manifests/"+digestOf(signature), signature, "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "PUT", repo+"/manifests/"+digestOf("other"), image, "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "PUT", repo+"/manifests/v3", imageOf("absent"), "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "PUT", repo+"/manifests/v3", "{}", "Content-Type", easel.MediaTypeOCIManifest),
		w.request("admin", "HEAD", repo+"/manifests/v1", ""),
		w.request("admin", "GET", repo+"/manifests/v1", ""),
		w.request("admin", "GET", repo+"/manifests/v1", "", "If-None-Match", `"`+digestOf(image)+`"`),
		w.request("admin", "GET", repo+"/manifests/absent", ""))
	rec.Golden(t, "list",
		w.request("admin", "GET", repo+"/tags/list", ""),
		w.request("admin", "GET", repo+"/tags/list?n=1&last=latest", ""),
		w.request("admin", "GET", repo+"/tags/list?n=0", ""),
		w.request("admin", "GET", repo+"/tags/list?n=-1", ""),
		w.request("admin", "GET", "/v2/team/absent/tags/list", ""),
		w.request("admin", "GET", repo+"/referrers/"+digestOf(image), ""),
		w.request("admin", "GET", repo+"/referrers/"+digestOf(image)+"?artifactType=application/x.sig", ""),
		w.request("admin", "GET", "/v2/team/absent/referrers/"+digestOf(image)+"?artifactType=x", ""),
		w.request("admin", "GET", "/v2/_catalog?n=1", ""),
		w.request("dev", "GET", "/v2/_catalog", ""))
	rec.Golden(t, "delete",
		w.request("admin", "DELETE", repo+"/blobs/"+digestOf("config"), ""),
		w.request("admin", "DELETE", repo+"/manifests/latest", ""),
		w.request("admin", "DELETE", repo+"/manifests/"+digestOf(image), ""),
		w.request("admin", "DELETE", repo+"/manifests/v1", ""),
		w.request("admin", "DELETE", repo+"/blobs/"+digestOf("abcdefghi"), ""),
		w.request("admin", "DELETE", repo+"/blobs/"+digestOf("abcdefghi"), ""))
	rec.Golden(t, "ping", w.request("admin", "GET", "/v2/", ""), w.request("", "GET", "/v2/", ""))
	rec.Golden(t, "route",
		w.request("admin", "POST", repo+"/manifests/v1", ""),
		w.request("admin", "PUT", "/v2/", ""),
		w.request("admin", "GET", "/v2/team", ""))
	rec.Complete(t)
}

// start opens an upload session and returns its location.
func (w *world) start(who, repo string) string {
	w.t.Helper()
	r := w.do(who, "POST", repo+"/blobs/uploads/", "")
	if r.Code != http.StatusAccepted {
		w.t.Fatalf("start an upload: %d %s", r.Code, r.Body)
	}
	return r.Header().Get("Location")
}

// TestChallenges: iam.md 10.2.
func TestChallenges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("admin", "team/image", "content")
	blob := "/v2/team/image/blobs/" + digestOf("content")
	const realm = `Bearer realm="http://example.com/swr/auth/v2/registry/auth/",service="dockyard"`
	for _, tt := range []struct {
		name, method, target, authorization string
		status                              int
		code, challenge                     string
	}{
		{"ping", "GET", "/v2/", "", 401, "UNAUTHORIZED", realm},
		{"ping with a token for nothing", "GET", "/v2/", "Bearer " + w.token("dev", ""), 200, "", ""},
		{"ping with a token for nobody", "GET", "/v2/", "Bearer " + w.token("", ""), 200, "", ""},
		{"no token", "GET", blob, "", 401, "UNAUTHORIZED", realm + `,scope="repository:team/image:pull"`},
		{"no token, absent repository", "GET", "/v2/team/absent/tags/list", "", 401, "UNAUTHORIZED", realm + `,scope="repository:team/absent:pull"`},
		{"no token, absent organisation", "GET", "/v2/nobody/absent/tags/list", "", 401, "UNAUTHORIZED", realm + `,scope="repository:nobody/absent:pull"`},
		{"bad token", "GET", blob, "Bearer nonsense", 401, "UNAUTHORIZED", realm + `,scope="repository:team/image:pull",error="invalid_token"`},
		{"bad token, ping", "GET", "/v2/", "Bearer nonsense", 401, "UNAUTHORIZED", realm + `,error="invalid_token"`},
		{"basic", "GET", "/v2/", "Basic YWRtaW46YWRtaW4=", 401, "UNAUTHORIZED", realm},
		{"token for nobody", "GET", blob, "Bearer " + w.token("", ""), 401, "DENIED", realm + `,scope="repository:team/image:pull",error="insufficient_scope"`},
		{"token for another repository", "GET", blob, "Bearer " + w.token("admin", "repository:team/other:pull"), 401, "DENIED",
			realm + `,scope="repository:team/image:pull",error="insufficient_scope"`},
		{"token for pulling", "PUT", "/v2/team/image/manifests/v1", "Bearer " + w.token("admin", "repository:team/image:pull"), 401, "DENIED",
			realm + `,scope="repository:team/image:pull,push",error="insufficient_scope"`},
		{"token for pushing", "DELETE", blob, "Bearer " + w.token("admin", "repository:team/image:pull,push"), 401, "DENIED",
			realm + `,scope="repository:team/image:delete",error="insufficient_scope"`},
		{"token for everything", "GET", blob, "Bearer " + w.token("admin", "repository:team/image:*"), 200, "", ""},
		{"mount", "POST", "/v2/team/other/blobs/uploads/?mount=" + digestOf("content") + "&from=team/image", "Bearer " + w.token("admin", "repository:team/other:pull,push"), 401, "DENIED",
			realm + `,scope="repository:team/other:pull,push repository:team/image:pull",error="insufficient_scope"`},
		{"mount of what one may not read", "POST", "/v2/lab/other/blobs/uploads/?mount=" + digestOf("content") + "&from=team/image", "Bearer " + w.token("dev", "repository:lab/other:pull,push"), 202, "", ""},
		{"the scope, but no right", "GET", blob, "Bearer " + w.token("eve", "repository:team/image:pull"), 404, "NAME_UNKNOWN", ""},
		{"catalogue, nobody", "GET", "/v2/_catalog", "", 401, "UNAUTHORIZED", realm + `,scope="registry:catalog:*"`},
		{"catalogue, no administrator", "GET", "/v2/_catalog", "Bearer " + w.token("dev", "registry:catalog:*"), 404, "NAME_UNKNOWN", ""},
		{"catalogue, token for something else", "GET", "/v2/_catalog", "Bearer " + w.token("admin", "repository:team/image:pull"), 401, "DENIED",
			realm + `,scope="registry:catalog:*",error="insufficient_scope"`},
		{"bad path before who asks", "GET", "/v2/team/image/blobs/latest", "", 400, "DIGEST_INVALID", ""},
	} {
		r := apitest.Request(tt.method, tt.target, "")
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		got := httptest.NewRecorder()
		w.handler.ServeHTTP(got, r)
		if got.Code != tt.status || got.Header().Get("WWW-Authenticate") != tt.challenge || !strings.Contains(got.Body.String(), tt.code) {
			t.Errorf("%s: %d %s\n got %s\nwant %s", tt.name, got.Code, got.Body, got.Header().Get("WWW-Authenticate"), tt.challenge)
		}
		if v := got.Header().Get("Docker-Distribution-API-Version"); v != "registry/2.0" {
			t.Errorf("%s: API version %q", tt.name, v)
		}
	}
}

// push stores content as a blob.
func (w *world) push(who, repo, content string) {
	w.t.Helper()
	r := w.do(who, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+digestOf(content), content)
	if r.Code != http.StatusCreated {
		w.t.Fatalf("push a blob: %d %s", r.Code, r.Body)
	}
}

func TestManifestLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("admin", "team/image", "config")
	fits := strings.Replace(imageOf("config"), `"layers":[]`, `"layers":[],"annotations":{"pad":""}`, 1)
	fits = strings.Replace(fits, `"pad":"`, `"pad":"`+strings.Repeat("x", easel.MaxManifestSize-len(fits)), 1)
	for body, want := range map[string]int{fits: 201, fits + " ": 413} {
		for _, length := range []int64{int64(len(body)), -1} {
			r := w.request("admin", "PUT", "/v2/team/image/manifests/big", body, "Content-Type", easel.MediaTypeOCIManifest)
			r.ContentLength = length
			got := httptest.NewRecorder()
			w.handler.ServeHTTP(got, r)
			if got.Code != want || want == 413 && !strings.Contains(got.Body.String(), "SIZE_INVALID") {
				t.Errorf("%d bytes, announced %d: %d %s", len(body), length, got.Code, got.Body)
			}
		}
	}
}

// TestFullDisk: pushes are refused with 507, pulls and deletions go on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	free := int64(1 << 40)
	w := newWorld(t, func(o *registry.Options) { o.Free = func() (int64, error) { return free, nil } })
	w.push("admin", "team/image", "config")
	loc := w.start("admin", "/v2/team/image")
	free = 0
	blob := "/v2/team/image/blobs/" + digestOf("config")
	for _, tt := range []struct {
		method, target, body string
		want                 int
	}{
		{"POST", "/v2/team/image/blobs/uploads/", "", 507},
		{"POST", "/v2/team/image/blobs/uploads/?digest=" + digestOf("x"), "x", 507},
		{"PATCH", loc, "x", 507},
		{"PUT", "/v2/team/image/manifests/v1", imageOf("config"), 507},
		{"HEAD", blob, "", 200},
		{"GET", blob, "", 200},
		{"DELETE", loc, "", 204},
		{"DELETE", blob, "", 202},
	} {
		if got := w.do("admin", tt.method, tt.target, tt.body); got.Code != tt.want {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.target, got.Code, got.Body, tt.want)
		}
	}
}

// TestErrorTable: every kind has a status and a code for every noun.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	for kind := easel.Internal; kind <= easel.Unsupported; kind++ {
		if status, code := statusOf(easel.E(kind, "something else", "x")); status < 400 || code == "" {
			t.Errorf("%v: %d %q", kind, status, code)
		}
	}
}
