package attack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"easel"
	"easel/internal/pgtest"
)

// hostile are texts that somebody will send in place of a name, an id or a
// number.
var hostile = []struct{ name, text string }{
	{"27 SQL", `' OR 1=1; DROP TABLE blob; --`},
	{"27 wildcards", `%_\`},
	{"27 NUL", "a\x00b"},
	{"27 no UTF-8", "\xff\xfe"},
	{"27 right to left", "\u202egnp.exe"},
	{"27 emoji", "\U0001f433"},
	{"27 very long", strings.Repeat("a", 40_000)},
	{"28 parent directory", ".."},
	{"28 uploads", "_uploads"},
	{"28 slash", "a/b"},
	{"28 twice escaped", "%2e%2e%2f"},
	{"28 dollar", "a$b$..$c"},
	{"28 256 characters", strings.Repeat("a", 256)},
	{"29 minus one", "-1"},
	{"29 too large for 31 bits", "2147483648"},
	{"29 too large for 63 bits", "9223372036854775808"},
	{"32 another algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e"},
	{"32 upper case", "sha256:" + strings.Repeat("AB", 32)},
	{"32 path in a digest", "sha256:../../" + strings.Repeat("a", 58)},
	{"34 header injection", "a\r\nX-Injected: yes"},
	{"35 markup", `<script>alert(1)</script>`},
}

// parameters are what the families read, by the beginning of their paths.
var parameters = []struct {
	prefix string
	names  []string
}{
	{"/v2/manage/", []string{"limit", "offset", "order_column", "order_type", "filter", "name", "namespace", "category", "is_public", "center", "tag"}},
	{"/v2/", []string{"n", "last", "artifactType", "digest", "mount", "from", "tag", "digest-algorithm"}},
	{"/v1/", []string{"limit", "offset", "name", "namespace", "type", "sort_key", "sort_dir", "show_name", "workspace_id", "service_type", "name_fuzzy_match", "force", "sort_by", "order", "filter_accessible", "enterprise_project_id"}},
	{"/v3", []string{"name", "page", "per_page", "enabled", "is_domain", "parent_id", "domain_id", "user_id", "nocatalog"}},
	{"/easel/", []string{"limit", "action", "actor", "before", "since"}},
	{"/swr/", []string{"scope", "service", "account"}},
}

// TestHostileText sends every text in every variable part of every route, in
// every parameter and in the fields of bodies, as an administrator. That is
// never the server's fault, and the text is never anything but text.
func TestHostileText(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		sendHostileText(t, start(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		if !testing.Short() {
			sendHostileText(t, startOn(t, t.TempDir(), pgtest.Start(t)))
		}
	})
}

func sendHostileText(t *testing.T, in *installation) {
	t.Helper()
	in.push(t, "ann", "team/private", "v1", "configuration", "layer")
	token, bearer := in.token(t, "ann", ""), in.bearer(t, "ann", "registry:catalog:*", "repository:team/private:pull,push,delete")
	for _, h := range hostile {
		for _, r := range hostileRequests(h.text) {
			r.header = map[string]string{"X-Auth-Token": token}
			if strings.HasPrefix(r.target, "/v2/") && !strings.HasPrefix(r.target, "/v2/manage/") {
				r.header = map[string]string{"Authorization": bearer, "Content-Type": "application/octet-stream"}
			}
			got := in.send(t, r)
			if got.status >= http.StatusInternalServerError {
				t.Errorf("%s: %s %.120s %.120s: %d %s", h.name, r.method, r.target, r.body, got.status, got.body)
			}
			if got.header.Get("X-Injected") != "" {
				t.Errorf("%s: %s %.120s made a header of its own", h.name, r.method, r.target)
			}
			if strings.Contains(got.header.Get("Content-Type"), "html") && strings.Contains(got.body, "<script>alert") {
				t.Errorf("%s: %s %.120s answers with markup: %s", h.name, r.method, r.target, got.body)
			}
		}
	}
	for _, h := range hostile {
		for what, manifest := range hostileManifests(in.image(t, "ann", "team/private", "configuration", "layer"), quote(h.text)) {
			got := in.oci(t, "ann", "PUT", "team/private", "/manifests/hostile", manifest, "Content-Type", easel.MediaTypeOCIManifest)
			if got.status >= http.StatusInternalServerError {
				t.Errorf("%s: a manifest with it as %s: %d %s", h.name, what, got.status, got.body)
			}
		}
	}
	in.oci(t, "ann", "GET", "team/private", "/manifests/v1", "").want(t, "the image afterwards", http.StatusOK)
	if strings.Contains(in.log.String(), `"level":"ERROR"`) {
		t.Errorf("mistakes of a client are in the log as errors:\n%s", grep(in.log.String(), `"level":"ERROR"`))
	}
}

var wildcard = regexp.MustCompile(`\{[a-z_]+\}`)

// hostileRequests are all requests with text at one place.
func hostileRequests(text string) []request {
	var all []request
	for _, a := range attempts {
		method, path, _ := strings.Cut(a.pattern, " ")
		if path = strings.TrimSuffix(path, "{$}"); method == "DELETE" && path == "/v3/auth/tokens" {
			continue
		}
		own := strings.NewReplacer("{project_id}", acmeOne, "{namespace}", "team", "{name}", "team/other", "{repository}", "other")
		for _, at := range wildcard.FindAllString(path, -1) {
			target := strings.Replace(path, at, url.PathEscape(text), 1)
			all = append(all, request{method: method, target: wildcard.ReplaceAllString(own.Replace(target), "x"), body: sample[method]})
		}
		if method == "GET" {
			for _, name := range parametersOf(path) {
				all = append(all, request{method: method, target: wildcard.ReplaceAllString(own.Replace(path), "private") + "?" + url.Values{name: {text}}.Encode()})
			}
		}
	}
	quoted := quote(text)
	for _, key := range []string{"name", "show_name", "show_tag", "description", "arch", "workspace_id", "type", "visibility", "origin", "swr_path", "service_type"} {
		all = append(all, request{method: "POST", target: "/v1/" + acmeOne + "/images", body: `{"swr_path":"team/private:none","` + key + `":` + quoted + `}`})
	}
	for _, key := range []string{"name", "description", "auth_type", "enterprise_project_id"} {
		all = append(all, request{method: "POST", target: "/v1/" + acmeOne + "/workspaces", body: `{"name":"good","` + key + `":` + quoted + `}`})
	}
	return append(all,
		request{method: "POST", target: "/v1/" + acmeOne + "/workspaces", body: `{"name":"good","grants":[{"user_id":` + quoted + `,"user_name":` + quoted + `}]}`},
		request{method: "POST", target: "/v2/manage/namespaces", body: `{"namespace":` + quoted + `}`},
		request{method: "POST", target: "/v2/manage/namespaces/team/repos", body: `{"is_public":false,"repository":` + quoted + `}`},
		request{method: "PATCH", target: "/v2/manage/namespaces/team/repos/private", body: `{"is_public":false,"description":` + quoted + `}`},
		request{method: "PATCH", target: "/v2/manage/namespaces/team/repos/private", body: `{"is_public":false,"category":` + quoted + `}`},
		request{method: "POST", target: "/v2/manage/namespaces/team/access", body: `[{"user_id":` + quoted + `,"user_name":` + quoted + `,"auth":1}]`},
		request{method: "PATCH", target: "/v2/manage/namespaces/team/repos/private/access", body: `[{"user_id":` + quoted + `,"user_name":` + quoted + `,"auth":1}]`},
		request{method: "DELETE", target: "/v2/manage/namespaces/team/access", body: `[` + quoted + `]`},
		request{method: "POST", target: "/v3/auth/tokens", body: `{"auth":{"identity":{"methods":["token"],"token":{"id":` + quoted + `}}}}`},
		request{method: "POST", target: "/v3/auth/tokens", body: `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":` + quoted + `,"password":` + quoted + `,"domain":{"name":` + quoted + `}}}}}}`},
		request{method: "POST", target: "/v3.0/OS-CREDENTIAL/credentials", body: `{"credential":{"user_id":` + quoted + `,"description":` + quoted + `}}`},
		request{method: "POST", target: "/easel/v1/plans", body: `{"images":[` + quoted + `]}`},
		request{method: "POST", target: "/easel/v1/plans", body: `{"group":` + quoted + `}`},
	)
}

func parametersOf(path string) []string {
	for _, p := range parameters {
		if strings.HasPrefix(path, p.prefix) {
			return p.names
		}
	}
	return nil
}

// quote is text in JSON, which has no bytes that are no UTF-8.
func quote(text string) string {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return `"\u0000\ud800"`
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// hostileManifests are variants of a manifest with text where a manifest has any.
func hostileManifests(good, text string) map[string]string {
	return map[string]string{
		"artifact type":                 strings.Replace(good, `{"schemaVersion"`, `{"artifactType":`+text+`,"schemaVersion"`, 1),
		"annotation":                    strings.Replace(good, `{"schemaVersion"`, `{"annotations":{`+text+`:`+text+`},"schemaVersion"`, 1),
		"media type of a blob":          strings.Replace(good, `"application/vnd.oci.image.layer.v1.tar"`, text, 1),
		"media type of the last blob":   strings.Replace(good, `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar"`, `"layers":[{"mediaType":`+text, 1),
		"media type, which is no other": strings.Replace(good, `"mediaType":"application/vnd.oci.image.manifest.v1+json",`, `"mediaType":`+text+`,`, 1),
	}
}

// sample is a body that a method could have.
var sample = map[string]string{"POST": "{}", "PUT": `{"credential":{"description":"x"}}`, "PATCH": `{"is_public":false}`}

// grep returns the lines of text that contain part.
func grep(text, part string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}
