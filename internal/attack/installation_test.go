package attack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"easel"
	"easel/internal/app"
	"easel/internal/catalog"
	"easel/internal/identity"
)

const masterKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func TestMain(m *testing.M) {
	for _, entry := range os.Environ() { // the configuration of whoever runs the tests is not ours
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "EASEL_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("EASEL_MASTER_KEY", masterKey)
	os.Exit(m.Run())
}

// installation is a server with two domains. Domain acme has the organisation
// team, the projects acme-one and acme-two, and
//
//	ann   its administrator, in acme-one
//	cleo  another one, in acme-two
//	mia   another one, in acme-one
//	dan   granted edit on team
//	ray   granted read on team
//	ben   granted nothing
//
// Domain globex has the organisation rival, the project globex-one and its
// administrator gus. Everybody has an access key and a password.
type installation struct {
	url, dir string
	database string // its URL
	log      *output
	people   map[string]*person
	// A second look at the server's database, for what no route does.
	db       *catalog.DB
	identity *identity.Service
}

// person is a user with what it logs in with.
type person struct {
	easel.Principal
	secret, password string
}

// The ids of the projects.
const (
	acmeOne   = "a0000000000000000000000000000001"
	acmeTwo   = "a0000000000000000000000000000002"
	globexOne = "b0000000000000000000000000000001"
)

// start makes an installation on SQLite and serves it until the test ends.
func start(t *testing.T, flags ...string) *installation {
	t.Helper()
	dir := t.TempDir()
	return startOn(t, dir, "sqlite:"+dir+"/easel.db", flags...)
}

// startOn is start on a database that is empty.
func startOn(t *testing.T, dir, database string, flags ...string) *installation {
	t.Helper()
	in := &installation{dir: dir, database: database, log: &output{ready: make(chan string, 1)}, people: map[string]*person{}}
	in.settle(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan int, 1)
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", in.dir, "--database", in.database, "--log-format", "json", "--shutdown-wait", "1s",
		"--anonymous-rate-limit", "0", "--lockout-after", "0"}, flags...) // strangers ask thousands of times here
	go func() { ended <- app.Main(ctx, args, strings.NewReader(""), in.log, in.log) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("easel serve ended with %d:\n%s", code, in.log)
		}
	})
	select {
	case in.url = <-in.log.ready:
	case code := <-ended:
		ended <- code
		t.Fatalf("easel serve ended with %d before it was ready:\n%s", code, in.log)
	}
	return in
}

// settle populates the database before the server opens it.
func (in *installation) settle(t *testing.T) {
	t.Helper()
	var err error
	in.db, err = catalog.Open(t.Context(), catalog.Options{URL: in.database})
	must(t, err)
	t.Cleanup(func() { must(t, in.db.Close()) })
	in.identity = in.identityAt(t, time.Now)
	for name, projects := range map[string][]string{"acme": {acmeOne, acmeTwo}, "globex": {globexOne}} {
		must(t, in.db.AddDomain(t.Context(), catalog.Domain{ID: "domain-" + name, Name: name, Enabled: true, Operator: name == "acme"}))
		for n, id := range projects {
			must(t, in.db.AddProject(t.Context(), catalog.Project{
				ID: id, Domain: "domain-" + name, Name: projectName(id), Parent: map[bool]string{true: "domain-" + name}[n == 0], Enabled: true,
			}))
		}
	}
	in.settler(t, "ann", "acme", acmeOne, true)
	in.settler(t, "cleo", "acme", acmeTwo, true)
	in.settler(t, "mia", "acme", acmeOne, true)
	in.settler(t, "dan", "acme", acmeOne, false)
	in.settler(t, "ray", "acme", acmeOne, false)
	in.settler(t, "ben", "acme", acmeOne, false)
	in.settler(t, "gus", "globex", globexOne, true)
	must(t, in.db.CreateOrg(t.Context(), in.people["ann"].Principal, "team"))
	must(t, in.db.CreateOrg(t.Context(), in.people["gus"].Principal, "rival"))
	in.grant(t, "dan", "team", 3)
	in.grant(t, "ray", "team", 1)
}

func projectName(id string) string { return "project-" + id[:1] + id[31:] }

func (in *installation) identityAt(t *testing.T, clock func() time.Time) *identity.Service {
	t.Helper()
	key, err := identity.ParseMasterKey(masterKey)
	must(t, err)
	return identity.New(identity.Options{Catalog: in.db, MasterKey: key, Clock: clock})
}

// settler adds a user with a password and an access key.
func (in *installation) settler(t *testing.T, name, domain, project string, admin bool) {
	t.Helper()
	who := easel.Principal{
		UserID: easel.NewID(), UserName: name, DomainID: "domain-" + domain, DomainName: domain,
		ProjectID: project, ProjectName: projectName(project), Admin: admin,
	}
	p := &person{Principal: who, password: "password of " + name}
	must(t, in.db.AddAccount(t.Context(), catalog.Account{
		ID: who.UserID, Name: name, Password: cheapHash(p.password), Admin: admin, Enabled: true, Domain: catalog.Domain{ID: who.DomainID},
	}))
	key, secret, err := in.identity.CreateKey(t.Context(), who, who.UserID, "")
	must(t, err)
	p.AccessKey, p.secret = key.Access, secret
	in.people[name] = p
}

// cheapHash is a password hash that takes no time: what is attacked here are not hashes.
func cheapHash(password string) string {
	salt, b64 := []byte("sixteen bytes of"), base64.RawStdEncoding
	return "$argon2id$v=19$m=64,t=1,p=1$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(argon2.IDKey([]byte(password), salt, 1, 64, 1, 32))
}

// grant gives a user a level on an organisation, or takes it with level 0.
func (in *installation) grant(t *testing.T, user string, org easel.Org, level int) {
	t.Helper()
	in.exec(t, `DELETE FROM org_grant WHERE account = $1 AND org = (SELECT id FROM org WHERE name = $2)`, in.people[user].UserID, string(org))
	if level > 0 {
		in.exec(t, `INSERT INTO org_grant (org, account, level) SELECT id, $1, $2 FROM org WHERE name = $3`, in.people[user].UserID, level, string(org))
	}
}

func (in *installation) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	driver, source := "pgx", in.database
	if path, ok := strings.CutPrefix(in.database, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), query, args...)
	must(t, err)
}

// request is what is sent; the zero values are a GET of "".
type request struct {
	method, target string
	header         map[string]string
	body           string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends r as it is and follows no redirect.
func (in *installation) send(t *testing.T, r request) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, in.url+r.target, strings.NewReader(r.body))
	must(t, err)
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	if r.body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// want fails the test unless the answer has the status; the body tells why.
func (a answer) want(t *testing.T, what string, status int) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d: %s", what, a.status, status, a.body)
	}
	return a
}

// token logs a user in with the password; project "" is the user's own.
func (in *installation) token(t *testing.T, user, project string) string {
	t.Helper()
	p := in.people[user]
	if project == "" {
		project = p.ProjectID
	}
	a := in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":%q}}}},"scope":{"project":{"id":%q}}}}`,
		user, p.password, p.DomainName, project)})
	if a.status != http.StatusCreated {
		t.Fatalf("log %s in: %d %s", user, a.status, a.body)
	}
	return a.header.Get("X-Subject-Token")
}

// bearer returns the Authorization of a registry token for scopes; user ""
// is nobody.
func (in *installation) bearer(t *testing.T, user string, scopes ...string) string {
	t.Helper()
	header := map[string]string{}
	if p := in.people[user]; p != nil {
		header["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(p.ProjectName+"@"+p.AccessKey+":"+identity.LoginKey(p.AccessKey, p.secret)))
	}
	a := in.send(t, request{method: "GET", target: "/swr/auth/v2/registry/auth/?scope=" + strings.Join(scopes, "&scope="), header: header})
	var out struct{ Token string }
	must(t, json.Unmarshal([]byte(a.body), &out))
	if a.status != http.StatusOK || out.Token == "" {
		t.Fatalf("registry token for %q: %d %s", user, a.status, a.body)
	}
	return "Bearer " + out.Token
}

// oci sends a registry request of user with a token for all of repo.
func (in *installation) oci(t *testing.T, user, method, repo, rest string, body string, header ...string) answer {
	t.Helper()
	h := map[string]string{"Authorization": in.bearer(t, user, "repository:"+repo+":pull,push,delete"), "Content-Type": "application/octet-stream"}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return in.send(t, request{method, "/v2/" + repo + rest, h, body})
}

// iam sends a request with a token of user.
func (in *installation) iam(t *testing.T, user, method, target, body string) answer {
	t.Helper()
	return in.send(t, request{method, target, map[string]string{"X-Auth-Token": in.token(t, user, "")}, body})
}

func digestOf(content string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
}

// upload stores a blob and returns its descriptor.
func (in *installation) upload(t *testing.T, user, repo, content string) string {
	t.Helper()
	in.oci(t, user, "POST", repo, "/blobs/uploads/?digest="+digestOf(content), content).want(t, "upload to "+repo, http.StatusCreated)
	return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}`, digestOf(content), len(content))
}

// image stores the blobs of an image and returns its manifest, which is not
// put. The first content is the configuration.
func (in *installation) image(t *testing.T, user, repo string, contents ...string) string {
	t.Helper()
	var all []string
	for _, content := range contents {
		all = append(all, in.upload(t, user, repo, content))
	}
	return `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIManifest + `","config":` + all[0] + `,"layers":[` + strings.Join(all[1:], ",") + `]}`
}

// push stores an image under a reference and returns its digest.
func (in *installation) push(t *testing.T, user, repo, ref string, contents ...string) string {
	t.Helper()
	manifest := in.image(t, user, repo, contents...)
	in.put(t, user, repo, ref, manifest).want(t, "push "+repo+":"+ref, http.StatusCreated)
	return digestOf(manifest)
}

func (in *installation) put(t *testing.T, user, repo, ref, manifest string) answer {
	t.Helper()
	var doc struct{ MediaType string }
	must(t, json.Unmarshal([]byte(manifest), &doc))
	return in.oci(t, user, "PUT", repo, "/manifests/"+ref, manifest, "Content-Type", doc.MediaType)
}

// register makes an image record of ORG/REPO:TAG and returns its id.
func (in *installation) register(t *testing.T, user, path string) string {
	t.Helper()
	a := in.iam(t, user, "POST", "/v1/"+in.people[user].ProjectID+"/images", `{"swr_path":"`+path+`"}`)
	var out struct{ ID string }
	must(t, json.Unmarshal([]byte(a.body), &out))
	if out.ID == "" {
		t.Fatalf("register %s: %d %s", path, a.status, a.body)
	}
	return out.ID
}

// hook makes a hook of an organisation and returns its id.
func (in *installation) hook(t *testing.T, user, org string) string {
	t.Helper()
	a := in.iam(t, user, "POST", "/easel/v1/hooks", `{"url":"https://sink.example.com/","organisation":"`+org+`"}`)
	return field[string](t, a.want(t, "make a hook", http.StatusCreated), "id")
}

// field returns one field of a JSON object.
func field[T any](t *testing.T, a answer, name string) (v T) {
	t.Helper()
	var doc map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(a.body), &doc))
	must(t, json.Unmarshal(doc[name], &v))
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// output keeps what a server prints and finds in it where it listens.
type output struct {
	ready chan string

	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	hit  bool
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if !o.hit {
		if _, rest, ok := strings.Cut(o.text.String(), "listening on "); ok && strings.Contains(rest, "\n") {
			o.hit = true
			o.ready <- strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0])
		}
	}
	return len(p), nil
}

// String returns everything that was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
