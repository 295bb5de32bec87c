package attack

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"easel"
)

// TestSurface asks, as nobody, for what servers often leave open, and sends
// what browsers and proxies are tricked with.
func TestSurface(t *testing.T) {
	t.Parallel()
	in := start(t, "--metrics", "admin")
	for _, tt := range []struct {
		name, method, target string
		want                 int
	}{
		{"26 list of repositories", "GET", "/v2/_catalog", 401},
		{"26 metrics", "GET", "/metrics", 403},
		{"26 profiles", "GET", "/debug/pprof/", 404},
		{"26 variables", "GET", "/debug/vars", 404},
		{"26 swagger", "GET", "/swagger.json", 404},
		{"26 an API document of another kind", "GET", "/v2/manage/swagger.json", 404},
		{"26 the data directory", "GET", "/docs/../../easel.db", 404},
		{"28 the data directory, encoded", "GET", "/docs/%2e%2e/%2e%2e/easel.db", 404},
		{"28 two slashes", "GET", "//v2/_catalog", 404},
		{"28 a dot", "GET", "/./v2/_catalog", 404},
		{"28 one family out of another", "GET", "/v2/manage/../../v1/" + acmeOne + "/images", 404},
		{"35 open redirect", "GET", "//evil.example/..", 404},
		{"35 open redirect behind the documentation", "GET", "/docs//evil.example", 404},
		{"35 another method", "TRACE", "/v3/users", 405},
		{"35 CORS preflight", "OPTIONS", "/v2/manage/namespaces", 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := in.send(t, request{tt.method, tt.target, map[string]string{"Origin": "https://evil.example", "Cookie": "session=1"}, ""})
			a.want(t, tt.method+" "+tt.target, tt.want)
			for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Set-Cookie", "Location", "Server", "X-Powered-By"} {
				if value := a.header.Get(name); value != "" {
					t.Errorf("%s: %s", name, value)
				}
			}
		})
	}
}

// TestHost sends hosts that a proxy would not: no answer may lead to them when
// the public address is configured.
func TestHost(t *testing.T) {
	t.Parallel()
	in := start(t, "--public-url", "https://easel.example.org")
	for _, target := range []string{"/v2/", "/", "/v3", "/v2", "/docs"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(in.url, "http://"))
		must(t, err)
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n", target)
		must(t, err)
		if got := readAll(t, conn); strings.Contains(got, "evil.example") {
			t.Errorf("35 GET %s leads to a host that the client made up:\n%s", target, got)
		}
	}
}

// TestStoredMarkup stores markup wherever text is stored: it comes back as
// data that no browser renders.
func TestStoredMarkup(t *testing.T) {
	t.Parallel()
	in := start(t)
	const markup = `<script>alert(1)</script><svg onload=alert(2)>`
	config := in.upload(t, "ann", "team/app", markup)
	manifest := `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIManifest + `","config":` + config + `,"layers":[],"annotations":{"note":"` + markup + `"}}`
	in.put(t, "ann", "team/app", "v1", manifest).want(t, "push", http.StatusCreated)
	in.iam(t, "ann", "PATCH", "/v2/manage/namespaces/team/repos/app", `{"is_public":true,"description":"`+markup+`"}`).want(t, "describe", http.StatusCreated)
	image := in.iam(t, "ann", "POST", "/v1/"+acmeOne+"/images", `{"swr_path":"team/app:v1","description":"plain"}`).want(t, "register", http.StatusOK)
	id := field[string](t, image, "id")
	for target, body := range map[string]string{
		"/v2/team/app/manifests/v1":                                                "",
		"/v2/team/app/blobs/" + digestOf(markup):                                   "",
		"/v2/manage/namespaces/team/repos/app":                                     "",
		"/v2/manage/namespaces/team/repos/app/tags":                                "",
		"/v2/manage/repos":                                                         "",
		"/v1/" + acmeOne + "/images/" + id:                                         "",
		"/v1/" + acmeOne + "/images?name=" + "%3Cscript%3Ealert(1)%3C%2Fscript%3E": "",
		"/v2/team/app/manifests/%3Cscript%3E":                                      "",
		"/nothing/%3Cscript%3Ealert(1)":                                            "",
	} {
		header := map[string]string{"X-Auth-Token": in.token(t, "ann", ""), "Accept": "text/html"}
		a := in.send(t, request{"GET", target, header, body})
		kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
		if kind != "application/json" && (!strings.HasPrefix(kind, "application/") || a.header.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("35 GET %s: Content-Type %q, X-Content-Type-Options %q", target, kind, a.header.Get("X-Content-Type-Options"))
		}
	}
}

// TestManifests sends documents that readers disagree about, or that cost more
// than they weigh.
func TestManifests(t *testing.T) {
	t.Parallel()
	in := start(t)
	good := in.image(t, "ann", "team/app", "configuration", "layer")
	head := `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIManifest + `"`
	foreign := strings.Replace(good, `application/vnd.oci.image.layer.v1.tar","digest":"`+digestOf("layer"), `application/vnd.oci.image.layer.nondistributable.v1.tar","urls":["http://169.254.169.254/latest","file:///etc/passwd"],"digest":"`+digestOf("elsewhere"), 1)
	for _, tt := range []struct {
		name, body, contentType string
		want                    int
	}{
		{"30 more than 4 MiB", head + `,"annotations":{"a":"` + strings.Repeat("a", easel.MaxManifestSize) + `"}}`, "", 413},
		{"30 nested deeply", head + `,"x":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`, "", 400},
		{"30 a byte order mark", "\ufeff" + good, "", 400},
		{"30 numbers as text", strings.Replace(good, `"size":5`, `"size":"5"`, 1), "", 400},
		{"30 a fraction of a byte", strings.Replace(good, `"size":5`, `"size":5.5`, 1), "", 400},
		{"30 a size beyond 63 bits", strings.Replace(good, `"size":5`, `"size":9223372036854775808`, 1), "", 400},
		{"30 a negative size", strings.Replace(good, `"size":5`, `"size":-5`, 1), "", 400},
		{"30 compressed", "\x1f\x8b\x08\x00" + good, "", 400},
		{"30 two documents", good + good, "", 400},
		{"31 layers and manifests at once", strings.Replace(good, `"layers"`, `"manifests":[],"layers"`, 1), "", 400},
		{"31 the Content-Type says index", good, easel.MediaTypeOCIIndex, 400},
		{"31 a type that nobody knows", strings.Replace(good, easel.MediaTypeOCIManifest, "application/x", 1), "application/x", 400},
		{"31 schema 1", `{"schemaVersion":1,"fsLayers":[]}`, "application/vnd.docker.distribution.manifest.v1+prettyjws", 400},
		{"32 a digest with a path", strings.Replace(good, digestOf("layer"), "sha256:../../../../etc/passwd", 1), "", 400},
		{"32 upper case", strings.Replace(good, digestOf("layer"), strings.ToUpper(digestOf("layer")), 1), "", 400},
		{"32 another algorithm", strings.Replace(good, digestOf("layer"), "md5:d41d8cd98f00b204e9800998ecf8427e", 1), "", 400},
		{"31 a layer that lives elsewhere is not fetched", foreign, "", 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			contentType := tt.contentType
			if contentType == "" {
				contentType = easel.MediaTypeOCIManifest
			}
			in.oci(t, "ann", "PUT", "team/app", "/manifests/v1", tt.body, "Content-Type", contentType).want(t, "put", tt.want)
		})
	}
	in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf("elsewhere"), "").want(t, "31 the layer that lives elsewhere", http.StatusNotFound)
}

// TestSizes puts images whose layers elsewhere have sizes that no sum can hold:
// nobody's lists may break of that.
func TestSizes(t *testing.T) {
	t.Parallel()
	in := start(t)
	good := in.image(t, "dan", "team/app", "configuration", "layer")
	var docs []string
	for i := range 2 {
		layer := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":%q,"size":9223372036854775000}`, digestOf(fmt.Sprint(i)))
		docs = append(docs, strings.Replace(good, `"layers":[`, `"layers":[`+layer+`,`, 1))
		in.put(t, "dan", "team/app", digestOf(docs[i]), docs[i]).want(t, "30 a layer of 8 EiB", http.StatusBadRequest)
	}
	in.put(t, "dan", "team/app", "all", index(docs...)).want(t, "30 an index of them", http.StatusBadRequest)
	in.put(t, "dan", "team/app", "v1", good).want(t, "put", http.StatusCreated)
	for _, target := range []string{"/v2/manage/repos", "/v2/manage/namespaces/team/repos/app", "/v2/manage/namespaces/team/repos/app/tags", "/easel/v1/audit", "/metrics"} {
		in.iam(t, "ann", "GET", target, "").want(t, "30 the lists afterwards", http.StatusOK)
	}
}

// TestDuplicateKeys puts a manifest that has its layers twice: what counts for
// deletion must be what is read by who pulls, and the last one wins for all.
func TestDuplicateKeys(t *testing.T) {
	t.Parallel()
	in := start(t)
	good := in.image(t, "ann", "team/app", "configuration", "layer")
	twice := strings.Replace(good, `"layers"`, `"layers":[],"layers"`, 1)
	if a := in.oci(t, "ann", "PUT", "team/app", "/manifests/v1", twice, "Content-Type", easel.MediaTypeOCIManifest); a.status == http.StatusCreated {
		in.oci(t, "ann", "DELETE", "team/app", "/blobs/"+digestOf("layer"), "").want(t, "30 delete the layer that the last one names", http.StatusConflict)
	}
}

// TestBrokenRequests sends what is no proper HTTP.
func TestBrokenRequests(t *testing.T) {
	t.Parallel()
	in := start(t)
	for _, tt := range []struct{ name, text, want string }{
		{"30 two lengths", "POST /v3/auth/tokens HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"},
		{"30 length and chunks", "POST /v3/auth/tokens HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "400"},
		{"30 chunks without end", "POST /v3/auth/tokens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", "400"},
		{"30 a header of 100 KiB", "GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", "431"},
		{"30 two hosts", "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		{"30 no HTTP", "hello\r\n\r\n", "400"},
		{"28 a NUL in the path", "GET /v2/\x00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"34 a line feed in a header", "GET /v2/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\x0bb\r\nConnection: close\r\n\r\n", "400"},
		{"33 a proxy request", "GET http://169.254.169.254/latest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"},
		{"33 a tunnel", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(in.url, "http://"))
			must(t, err)
			go func() { _, _ = conn.Write([]byte(tt.text)) }() // the server may hang up in the middle
			got := readAll(t, conn)
			if status := strings.Fields(got + " - -")[1]; status != tt.want {
				t.Errorf("answer %.200q, want %s", got, tt.want)
			}
		})
	}
}

func readAll(t *testing.T, conn net.Conn) string {
	t.Helper()
	defer conn.Close()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String() // what came before the server hung up counts
		}
	}
}
