package clients

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"

	"easel/e2e/server"
)

// denied is what each engine tells a user who may pull and not push.
var denied = map[string]string{
	"docker":     "denied: requested access to the resource is denied",
	"containerd": "server message: insufficient_scope: authorization failed",
	"podman":     "denied: ray may not push vision/lab",
	"skopeo":     "denied: ray may not push vision/lab",
}

// TestLevels pulls, pushes and deletes with each level on an organisation
// (swr.md 17, item 6; iam.md 11, item 7): 1 pulls and does not push, 3 pushes
// and does not delete, 7 deletes. Nobody pulls what is public, and nothing else.
func TestLevels(t *testing.T) {
	forEachEngine(t, func(t *testing.T, s *server.Server, e engine) {
		img, ref := newDockerImage(t, 1), s.Host+"/"+org+"/lab:1"
		push(t, s, "lab:1", img)
		reader, writer, manager := s.NewUser(t, "ray"), s.NewUser(t, "wim"), s.NewUser(t, "mia")
		s.Grant(t, org, reader, 1)
		s.Grant(t, org, writer, 3)
		s.Grant(t, org, manager, 7)

		wantPulled(t, e, longTerm(reader), ref, img)
		err := e.push(t, longTerm(reader), s.Host+"/"+org+"/lab:2", newDockerImage(t, 1))
		if name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]; err == nil || !strings.Contains(err.Error(), denied[name]) {
			t.Errorf("a push of a reader: %v, want %q", err, denied[name])
		}
		roundTrip(t, e, longTerm(writer), s.Host+"/"+org+"/other:1")
		remove := func(who *server.Server) error {
			_, err := newCloud(t, who).repos.DeleteRepoTag(&model.DeleteRepoTagRequest{Namespace: org, Repository: "other", Tag: "1"})
			return err
		}
		wantRefused(t, remove(writer), http.StatusForbidden, "SVCSTG.SWR.4037020")
		ok(t, remove(manager))

		if _, err := e.pull(t, badge{}, ref); err == nil {
			t.Error("somebody without a login pulls what is private")
		}
		_, err = newCloud(t, manager).repos.UpdateRepo(&model.UpdateRepoRequest{Namespace: org, Repository: "lab", Body: &model.UpdateRepoRequestBody{IsPublic: true}})
		ok(t, err)
		wantPulled(t, e, badge{}, ref, img)
		if err := e.push(t, badge{}, ref, newDockerImage(t, 1)); err == nil {
			t.Error("somebody without a login pushes to what is public")
		}
	})
}

// TestPlatforms pulls an image for several platforms: every engine takes the
// one of the machine.
func TestPlatforms(t *testing.T) {
	forEachEngine(t, func(t *testing.T, s *server.Server, e engine) {
		amd := newImage(t, 1)
		images := map[string]v1.Image{"amd64": amd, "arm64": forArm(t, amd)}
		index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
		for arch, img := range images {
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
		}
		ok(t, remote.WriteIndex(reference(t, s, "lab:1"), index, login(s)))
		wantPulled(t, e, longTerm(s), s.Host+"/"+org+"/lab:1", images[runtime.GOARCH])
		deleteForced(t, s, "lab:1")
	})
}

// TestShareExpires shares a repository with another domain until a deadline
// that comes while a client of that domain holds its registry token (swr.md 17,
// item 7): it pulls before, and no longer after; the status flips.
func TestShareExpires(t *testing.T) {
	forEachEngine(t, func(t *testing.T, s *server.Server, e engine) {
		img, ref := newDockerImage(t, 1), s.Host+"/"+org+"/lab:1"
		push(t, s, "lab:1", img)
		other := s.NewDomain(t, "partner")
		if _, err := e.pull(t, longTerm(other), ref); err == nil {
			t.Error("another domain pulls what is not shared")
		}
		c := newCloud(t, s)
		_, err := c.repos.CreateRepoDomains(&model.CreateRepoDomainsRequest{Namespace: org, Repository: "lab",
			Body: &model.CreateRepoDomainsRequestBody{AccessDomain: "partner", Permit: "read", Deadline: "forever"}})
		ok(t, err)
		wantPulled(t, e, longTerm(other), ref, img)
		held := registryToken(t, other, "repository:"+org+"/lab:pull")
		manifest := func() int {
			return s.Do(t, http.MethodGet, "/v2/"+org+"/lab/manifests/1", map[string]string{"Authorization": "Bearer " + held}, "").Status
		}
		want(t, "a pull with the token", manifest(), http.StatusOK)
		shares := func(center string) *model.ListSharedReposDetailsResponse {
			of := map[string]*server.Server{"self": s, "thirdparty": other}[center]
			found, err := newCloud(t, of).repos.ListSharedReposDetails(&model.ListSharedReposDetailsRequest{Center: center})
			ok(t, err)
			return found
		}
		want(t, "what is shared with the other domain", *shares("thirdparty").ContentRange, "0-1/1")
		want(t, "valid for the other domain", (*shares("thirdparty").Body)[0].Status, true)
		want(t, "what the own domain shares", *shares("self").ContentRange, "0-1/1")

		deadline := time.Now().UTC().Add(time.Second)
		_, err = c.repos.UpdateRepoDomains(&model.UpdateRepoDomainsRequest{Namespace: org, Repository: "lab", AccessDomain: "partner",
			Body: &model.UpdateRepoDomainsRequestBody{Permit: "read", Deadline: deadline.Format(time.RFC3339Nano)}})
		ok(t, err)
		for {
			share, err := c.repos.ShowAccessDomain(&model.ShowAccessDomainRequest{Namespace: org, Repository: "lab", AccessDomain: "partner"})
			ok(t, err)
			if !*share.Status {
				break
			}
			if time.Now().After(deadline.Add(time.Minute)) {
				t.Fatal("the share is valid long after its deadline")
			}
			time.Sleep(50 * time.Millisecond)
		}
		if time.Now().Before(deadline) {
			t.Error("the share ended before its deadline")
		}
		want(t, "a pull with the token, after the deadline", manifest(), http.StatusNotFound)
		if _, err := e.pull(t, longTerm(other), ref); err == nil {
			t.Error("another domain pulls after the deadline")
		}
		want(t, "valid for the other domain, after the deadline", (*shares("thirdparty").Body)[0].Status, false)
	})
}

// registryToken asks for the registry token that a client holds.
func registryToken(t *testing.T, s *server.Server, scope string) string {
	t.Helper()
	key := base64.StdEncoding.EncodeToString([]byte(s.DockerUser() + ":" + s.DockerPassword()))
	a := s.Do(t, http.MethodGet, "/swr/auth/v2/registry/auth?service=dockyard&scope="+scope, map[string]string{"Authorization": "Basic " + key}, "")
	var out struct{ Token string }
	if err := json.Unmarshal(a.Body, &out); err != nil || out.Token == "" {
		t.Fatalf("registry token: %d, %v", a.Status, err)
	}
	return out.Token
}
