// Package sso logs people in to the real program with an OpenID provider that
// others wrote, by its own pages, as a browser and another device do.
package sso

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"easel/e2e/server"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// start starts a server that knows the provider, with the group developers.
func start(t *testing.T, p *provider) *server.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "easel.yaml")
	text := "sso:\n  - name: corp\n    issuer: " + p.url + "\n    client_id: " + clientID + "\n    groups: {platform: developers}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server.Start(t, "--config", file, "--issuer-allow", "127.0.0.0/8")
	s.CreateOrg(t, "vision")
	for _, args := range [][]string{{"group", "create", "developers"}, {"grant", "add", "developers", "SWR FullAccess"}} {
		if out, code := s.Easel(t, args...); code != 0 {
			t.Fatalf("easel %s: %s", strings.Join(args, " "), out)
		}
	}
	return s
}

// person is somebody with a profile of their own.
type person struct {
	s    *server.Server
	home string
}

func newPerson(t *testing.T, s *server.Server) person { return person{s, t.TempDir()} }

func (p person) command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), server.Program(t), args...)
	cmd.Env = []string{"HOME=" + p.home, "XDG_CONFIG_HOME=" + p.home, "PATH=" + os.Getenv("PATH"), "BROWSER=true"}
	return cmd
}

func (p person) easel(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := p.command(t, args...).CombinedOutput()
	return string(out), err
}

// login runs easel login --sso and hands what it asks for on its error stream
// to act, line by line. It returns all of that, and how the command ended.
func (p person) login(t *testing.T, act func(line string), args ...string) (string, error) {
	t.Helper()
	cmd := p.command(t, append([]string{"login", p.s.URL, "--sso"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		act(strings.TrimSpace(lines.Text()))
	}
	return said.String(), cmd.Wait()
}

// inBrowser logs user in where the command says.
func (p person) inBrowser(t *testing.T, user string) (string, error) {
	t.Helper()
	return p.login(t, func(line string) {
		if strings.HasPrefix(line, "http") {
			newBrowser(t).logIn(line, user)
		}
	})
}

// onDevice lets user answer what the command asks another device for.
func (p person) onDevice(t *testing.T, user, action string) (string, error) {
	t.Helper()
	at := ""
	return p.login(t, func(line string) {
		if strings.HasPrefix(line, "http") && at == "" {
			at = line
		} else if code, ok := strings.CutPrefix(line, "code: "); ok {
			newBrowser(t).approve(at, code, user, action)
		}
	}, "--device")
}

// push pushes an image with the login of the credential helper's profile.
func (p person) push(t *testing.T, path string) error {
	t.Helper()
	cmd := p.command(t, "docker-credential", "get")
	cmd.Stdin = strings.NewReader(p.s.Host)
	out, err := cmd.Output()
	var login struct{ Username, Secret string }
	if err != nil || json.Unmarshal(out, &login) != nil {
		t.Fatalf("the credential helper: %v %s", err, out)
	}
	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(p.s.Host+"/"+path, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: login.Username, Password: login.Secret}))
}

func (p person) in(t *testing.T) bool {
	t.Helper()
	out, code := p.s.Easel(t, "group", "ls", "developers")
	if code != 0 {
		t.Fatal(out)
	}
	return strings.Contains(out, "alice")
}

// TestLogIn is alice's career: in a browser with a group, on a device without
// it, and out of the house.
func TestLogIn(t *testing.T) {
	t.Parallel()
	idp := startProvider(t)
	s := start(t, idp)
	alice := newPerson(t, s)
	if said, err := alice.inBrowser(t, "alice"); err == nil || !strings.Contains(said, "you may not use this server") {
		t.Fatalf("without a group: %v %s", err, said)
	}
	idp.put("alice", "platform", "other")
	if said, err := alice.inBrowser(t, "alice"); err != nil {
		t.Fatalf("with a group: %v %s", err, said)
	}
	if !alice.in(t) {
		t.Error("alice is not in the group")
	}
	if err := alice.push(t, "vision/app:v1"); err != nil {
		t.Errorf("push: %v", err)
	}
	if out, err := alice.easel(t, "key", "create"); err == nil {
		t.Errorf("alice makes a key that outlives the session: %s", out)
	}
	if said, err := newPerson(t, s).onDevice(t, "alice", "allowed"); err != nil {
		t.Fatalf("on another device: %v %s", err, said)
	}
	if said, err := newPerson(t, s).onDevice(t, "alice", "denied"); err == nil || !strings.Contains(said, "the log-in was not completed") {
		t.Errorf("denied on another device: %v %s", err, said)
	}
	out, code := s.Easel(t, "user", "ls")
	if code != 0 || strings.Count(out, "alice") != 1 {
		t.Errorf("two ways to log in make one user: %s", out)
	}

	idp.put("alice")
	if said, err := newPerson(t, s).inBrowser(t, "alice"); err == nil {
		t.Errorf("after the group was taken away: %s", said)
	}
	if out, err := alice.easel(t, "org", "ls"); err == nil || alice.in(t) {
		t.Errorf("her session after that: %s", out)
	}
	idp.put("alice", "platform")
	if said, err := alice.inBrowser(t, "alice"); err != nil {
		t.Fatalf("with the group again: %v %s", err, said)
	}
	if out, err := alice.easel(t, "org", "ls"); err != nil {
		t.Errorf("her session then: %v %s", err, out)
	}
	if out, code := s.Easel(t, "user", "update", "alice", "--disable"); code != 0 {
		t.Fatalf("disable alice: %s", out)
	}
	if out, err := alice.easel(t, "org", "ls"); err == nil {
		t.Errorf("the session of a disabled user: %s", out)
	}
	if said, err := alice.inBrowser(t, "alice"); err == nil || !strings.Contains(said, "disabled") {
		t.Errorf("a disabled user logs in: %v %s", err, said)
	}
}

// TestExchange exchanges an ID token of the provider, as a workload would.
func TestExchange(t *testing.T) {
	t.Parallel()
	idp := startProvider(t)
	s := start(t, idp)
	out, code := s.Easel(t, "trust", "create", "ci", "--issuer", idp.url, "--audience", clientID, "-c", "sub=alice", "-r", "vision/app-*", "-a", "pull,push", "-o", "json")
	var trust struct{ ID string }
	if code != 0 || json.Unmarshal([]byte(out), &trust) != nil {
		t.Fatalf("make a trust: %s", out)
	}
	for user, want := range map[string]bool{"alice": true, "mallory": false} {
		machine := newPerson(t, s)
		file := filepath.Join(machine.home, "token")
		if err := os.WriteFile(file, []byte(idp.idToken(t, user)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := machine.easel(t, "login", s.URL, "--trust", trust.ID, "--token-file", file)
		if (err == nil) != want {
			t.Errorf("the token of %s: %v %s", user, err, out)
		}
		if !want {
			continue
		}
		if err := machine.push(t, "vision/app-1:v1"); err != nil {
			t.Errorf("push: %v", err)
		}
		if err := machine.push(t, "vision/base:v1"); err == nil {
			t.Error("a push beside the pattern succeeds")
		}
	}
	if !strings.Contains(s.Log(), "does not fit the condition") {
		t.Error("the log does not say why a token was refused")
	}
}

// idToken logs user in as a program of their own does, without Easel.
func (p *provider) idToken(t *testing.T, user string) string {
	t.Helper()
	const challenge, verifier = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	back := "http://127.0.0.1:9/callback"
	b := newBrowser(t)
	var code string
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" && r.URL.Port() == "9" {
			code = r.URL.Query().Get("code")
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.logIn(p.url+"/auth?"+url.Values{"client_id": {clientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {back},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "state": {"x"}}.Encode(), user)
	got := b.show(b.PostForm(p.url+"/oauth/token", url.Values{"client_id": {clientID}, "grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}}))
	var answer struct {
		Token string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(got.text), &answer); err != nil || answer.Token == "" {
		t.Fatalf("no ID token: %s", got.text)
	}
	return answer.Token
}
