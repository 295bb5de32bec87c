package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"easel/e2e/server"
)

// An artifact, what is attached to it, and both gone with one deletion.
// It runs alone: oras takes files only from the working directory.
func TestOras(t *testing.T) {
	s := start(t)
	oras := program{server.Tool(t, "oras"), []string{"DOCKER_CONFIG=" + t.TempDir()}}
	oras.runWith(t, s.DockerPassword(), "login", "--plain-http", "--username", s.DockerUser(), "--password-stdin", s.Host)

	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("model.bin", "weights of the model")
	write("sbom.json", `{"components":["everything"]}`)
	model := s.Host + "/" + org + "/model:1"
	in := func(args ...string) string {
		t.Helper()
		return oras.run(t, append(args, "--plain-http")...)
	}
	t.Chdir(dir)
	in("push", model, "--artifact-type=application/vnd.example.model", "model.bin:application/octet-stream")
	in("attach", model, "--artifact-type=application/vnd.example.sbom", "sbom.json:application/json")
	in("tag", model, "latest")

	var found struct {
		Referrers []struct {
			ArtifactType string `json:"artifactType"`
			Reference    string `json:"reference"`
		} `json:"referrers"`
	}
	out := in("discover", "--format=json", model)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("oras discover: %v\n%s", err, out)
	}
	if len(found.Referrers) != 1 || found.Referrers[0].ArtifactType != "application/vnd.example.sbom" {
		t.Errorf("oras discover: %s, want the one sbom", out)
	}
	back := t.TempDir()
	in("pull", "--output="+back, model)
	if got, err := os.ReadFile(filepath.Join(back, "model.bin")); err != nil || string(got) != "weights of the model" {
		t.Errorf("pulled %q, %v", got, err)
	}
	in("manifest", "delete", "--force", model)
	wantStored(t, s, 0, "after the artifact, its sbom and both tags went")
	s.Check(t)
}
