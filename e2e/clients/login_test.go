package clients

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	swrmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"

	"easel/e2e/server"
)

// roundTrip pushes an image as who, pulls it back and compares.
func roundTrip(t *testing.T, e engine, who badge, ref string) {
	t.Helper()
	img := newDockerImage(t, 2)
	if err := e.push(t, who, ref, img); err != nil {
		t.Fatalf("push: %v", err)
	}
	wantPulled(t, e, who, ref, img)
}

func wantPulled(t *testing.T, e engine, who badge, ref string, img v1.Image) {
	t.Helper()
	got, err := e.pull(t, who, ref)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	config, err := img.ConfigName()
	ok(t, err)
	want(t, "config of what was pulled", got, config.String())
}

// refused is how the engines say that they could not log in.
var refused = regexp.MustCompile(`(?i)unauthorized|authenticate error|invalid username/password`)

// wantNoLogin fails the test unless who can neither push nor pull.
func wantNoLogin(t *testing.T, e engine, who badge, ref, when string) {
	t.Helper()
	if err := e.push(t, who, ref, newDockerImage(t, 1)); err == nil || !refused.MatchString(err.Error()) {
		t.Errorf("%s: a push: %v, want a login that is refused", when, err)
	}
	if _, err := e.pull(t, who, ref); err == nil || !refused.MatchString(err.Error()) {
		t.Errorf("%s: a pull: %v, want a login that is refused", when, err)
	}
}

// TestLogins pushes, pulls and deletes with every engine and every kind of
// login, until what the login came from ends (iam.md 11, items 5 and 7; swr.md 11).
func TestLogins(t *testing.T) {
	forEachEngine(t, func(t *testing.T, s *server.Server, e engine) {
		eva := s.NewUser(t, "eva")
		s.Grant(t, org, eva, 7)
		ref := s.Host + "/" + org + "/lab:1"
		thereAndBack := func(who badge, kind string) {
			t.Helper()
			roundTrip(t, e, who, ref)
			remove(t, e, who, ref)
			wantStored(t, s, 0, "after a deletion with "+kind)
			if _, err := e.pull(t, who, ref); err == nil {
				t.Errorf("a pull after a deletion with %s goes through", kind)
			}
		}

		permanent := longTerm(eva)
		thereAndBack(permanent, "a key")
		if _, isIt := e.(containerdEngine); isIt != strings.Contains(s.Log(), "method=POST path=/swr/auth/v2/registry/auth/ status=200") {
			t.Error("containerd, and nobody else, asks for its token with POST")
		}
		temporary := dockerLogin(t, eva)
		thereAndBack(temporary, "a temporary login")
		signing, revoke := temporaryLogin(t, eva)
		thereAndBack(signing, "a temporary key")

		setKey(t, eva, "inactive")
		wantNoLogin(t, e, permanent, ref, "after the key is inactive")
		wantNoLogin(t, e, temporary, ref, "after the key that it came from is inactive")
		setKey(t, eva, "active")
		roundTrip(t, e, permanent, ref)
		roundTrip(t, e, temporary, ref)
		roundTrip(t, e, signing, ref) // that one came from a token
		revoke()
		wantNoLogin(t, e, signing, ref, "after the token that it came from is revoked")

		header := eva.Call(t, http.MethodDelete, "/v2/manage/namespaces/"+org+"/repos/lab", nil, nil)
		wantStored(t, s, 0, "after the repository went")
		if freed := server.ReceiptOf(t, header).Freed; freed == 0 {
			t.Error("the receipt says that nothing was freed")
		}
		s.Check(t)
	})
}

// remove deletes a tag's image from the registry: with the engine, where it
// can, otherwise as crane does.
func remove(t *testing.T, e engine, who badge, ref string) {
	t.Helper()
	if k, can := e.(skopeoEngine); can {
		auth, err := k.as(t, who, ref)
		ok(t, err)
		k.run(t, "delete", "--authfile", auth, "--tls-verify=false", "docker://"+ref)
		return
	}
	as := remote.WithAuth(&authn.Basic{Username: who.user, Password: who.password})
	tag, err := name.ParseReference(ref, name.Insecure)
	ok(t, err)
	found, err := remote.Head(tag, as)
	ok(t, err)
	ok(t, remote.Delete(tag.Context().Digest(found.Digest.String()), as))
}

// dockerLogin asks for the temporary docker login of SWR.
func dockerLogin(t *testing.T, s *server.Server) badge {
	t.Helper()
	secret, err := newCloud(t, s).repos.CreateSecret(&swrmodel.CreateSecretRequest{})
	ok(t, err)
	who, host := badgeIn(t, *secret.XSwrDockerlogin)
	want(t, "registry", host, s.Host)
	return who
}

// temporaryLogin makes a temporary access key from a token and derives the
// docker login from it (iam.md 10.1). revoke ends the token.
func temporaryLogin(t *testing.T, s *server.Server) (who badge, revoke func()) {
	t.Helper()
	token := s.Token(t)
	made, err := newCloud(t, s).iam.CreateTemporaryAccessKeyByToken(&model.CreateTemporaryAccessKeyByTokenRequest{Body: &model.CreateTemporaryAccessKeyByTokenRequestBody{
		Auth: &model.TokenAuth{Identity: &model.TokenAuthIdentity{Methods: []model.TokenAuthIdentityMethods{model.GetTokenAuthIdentityMethodsEnum().TOKEN}, Token: &model.IdentityToken{Id: &token}}}}})
	ok(t, err)
	as := *s
	as.AccessKey, as.SecretKey = made.Credential.Access, made.Credential.Secret
	return longTerm(&as), func() {
		t.Helper()
		s.Revoke(t, token)
	}
}

// setKey makes the key of the user active or inactive.
func setKey(t *testing.T, s *server.Server, status string) {
	t.Helper()
	s.Call(t, http.MethodPut, "/v3.0/OS-CREDENTIAL/credentials/"+s.AccessKey, map[string]any{"credential": map[string]string{"status": status}}, nil)
}

// badgeIn reads the login command that SWR hands out. The secret itself stays
// out of the test's output.
func badgeIn(t *testing.T, command string) (who badge, host string) {
	t.Helper()
	words := strings.Fields(command)
	if len(words) != 7 || strings.Join(append(words[:3:3], words[4]), " ") != "docker login -u -p" {
		t.Fatalf("the login command has %d words or other options", len(words))
	}
	return badge{words[3], words[5]}, words[6]
}

// TestTLS pushes and pulls over HTTPS with engines that trust the authority of
// the server's certificate, and not with others.
func TestTLS(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	s := server.StartTLS(t)
	s.CreateOrg(t, org)
	podman, containerd := newPodman(t).(podmanEngine).program, startContainerd(t).(containerdEngine).program
	for name, engines := range map[string][2]engine{
		"podman":     {podmanEngine{podman, filepath.Dir(s.CA)}, podmanEngine{podman, t.TempDir()}},
		"containerd": {containerdEngine{containerd, hosts(t, s, s.CA)}, containerdEngine{containerd, hosts(t, s, "")}},
	} {
		ref := s.Host + "/" + org + "/" + name + ":1"
		roundTrip(t, engines[0], longTerm(s), ref)
		if _, err := engines[1].pull(t, longTerm(s), ref); err == nil || !strings.Contains(err.Error(), "x509: certificate signed by unknown authority") {
			t.Errorf("%s without the authority: %v, want a complaint about the certificate", name, err)
		}
	}
	s.Check(t)
}

// hosts tells containerd to reach the server with HTTPS, which it does not try
// on the loopback, and which authority to trust.
func hosts(t *testing.T, s *server.Server, ca string) string {
	t.Helper()
	dir := t.TempDir()
	ok(t, os.Mkdir(filepath.Join(dir, s.Host), 0o700))
	text := "server = \"" + s.URL + "\"\n[host.\"" + s.URL + "\"]\n"
	if ca != "" {
		text += "ca = \"" + ca + "\"\n"
	}
	ok(t, os.WriteFile(filepath.Join(dir, s.Host, "hosts.toml"), []byte(text), 0o600))
	return dir
}
