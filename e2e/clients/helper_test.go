package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"easel/e2e/server"
)

// helped returns the environment of a client that has a docker configuration
// with the credential helper for the server's registry, and no login.
func helped(t *testing.T, s *server.Server) []string {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`{"credHelpers":{%q:"easel"}}`, s.Host)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(server.Program(t), filepath.Join(dir, "docker-credential-easel")); err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(dir, "profile.yaml")
	if out, code := s.Easel(t, "login", "--profile", profile, "--access-key", s.AccessKey, s.URL); code != 0 {
		t.Fatalf("easel login: %s", out)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "DOCKER_CONFIG=" + dir, "EASEL_PROFILE=" + profile}
}

// TestCredentialHelper pushes and pulls with clients that nobody logged in.
func TestCredentialHelper(t *testing.T) {
	t.Parallel()
	s := start(t)
	ref := s.Host + "/" + org + "/lab:1"
	crane := program{server.Tool(t, "crane"), helped(t, s)}
	img := newDockerImage(t, 1)
	crane.run(t, "push", writeLayout(t, img), ref)
	if got := crane.run(t, "digest", ref); got != digestOf(t, img) {
		t.Errorf("crane digest: %s, want %s", got, digestOf(t, img))
	}
	if testing.Short() {
		return
	}
	docker := startDocker(t)
	docker.env = append(docker.env, helped(t, s)...)
	docker.run(t, "pull", ref)
	docker.run(t, "rmi", ref)
	deleteForced(t, s, "lab:1")
}
