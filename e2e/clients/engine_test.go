package clients

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"easel/e2e/server"
)

// badge is what an engine logs in with; the zero value is nobody.
type badge struct{ user, password string }

// longTerm is the login of a permanent access key.
func longTerm(s *server.Server) badge { return badge{s.DockerUser(), s.DockerPassword()} }

// engine is a program that people push and pull with. Each call logs in first,
// unless it is for nobody; a login that is refused is its error.
type engine interface {
	push(t *testing.T, who badge, ref string, img v1.Image) error
	// pull fetches the whole image, forgets it and returns the digest of its
	// config.
	pull(t *testing.T, who badge, ref string) (string, error)
}

// engines starts each of them. They speak plain HTTP to the loopback.
var engines = map[string]func(*testing.T) engine{
	"docker":     func(t *testing.T) engine { return dockerEngine{startDocker(t)} },
	"containerd": startContainerd,
	"podman":     newPodman,
	"skopeo":     newSkopeo,
}

// forEachEngine runs f with every engine and a server of its own, which delays
// nobody after failed logins: an engine makes several for one pull.
func forEachEngine(t *testing.T, f func(*testing.T, *server.Server, engine)) {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		return
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "--lockout-after", "0")
			f(t, s, open(t))
		})
	}
}

// try runs the program and returns its output, or why it failed.
func (p program) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := server.Run(t.Context(), p.env, "", p.path, args...)
	return strings.TrimSpace(out), err
}

// with returns the program with more in its environment.
func (p program) with(env ...string) program {
	return program{p.path, append(p.env[:len(p.env):len(p.env)], env...)}
}

func hostOf(ref string) string { return ref[:strings.IndexByte(ref, '/')] }

// dockerEngine is docker with a daemon of its own.
type dockerEngine struct{ program }

// as returns a docker that is logged in.
func (d dockerEngine) as(t *testing.T, who badge, ref string) (program, error) {
	p := d.with("DOCKER_CONFIG=" + t.TempDir())
	if who == (badge{}) {
		return p, nil
	}
	_, err := server.Run(t.Context(), p.env, who.password, p.path, "login", "--username", who.user, "--password-stdin", hostOf(ref))
	return p, err
}

func (d dockerEngine) push(t *testing.T, who badge, ref string, img v1.Image) error {
	d.run(t, "load", "--input", writeTarball(t, ref, img))
	defer d.run(t, "rmi", ref)
	p, err := d.as(t, who, ref)
	if err != nil {
		return err
	}
	_, err = p.try(t, "push", ref)
	return err
}

func (d dockerEngine) pull(t *testing.T, who badge, ref string) (string, error) {
	p, err := d.as(t, who, ref)
	if err != nil {
		return "", err
	}
	if _, err := p.try(t, "pull", ref); err != nil {
		return "", err
	}
	id := d.run(t, "inspect", "--format={{.Id}}", ref)
	d.run(t, "rmi", ref)
	return id, nil
}

// podmanEngine is podman with a storage of its own; it has no daemon. The vfs
// driver needs nothing of the kernel.
type podmanEngine struct {
	program
	ca string // directory of the authority to trust; "" for plain HTTP
}

func newPodman(t *testing.T) engine {
	dir := t.TempDir()
	storage := filepath.Join(dir, "storage.conf")
	conf := "[storage]\ndriver = \"vfs\"\nrunroot = \"" + dir + "/run\"\ngraphroot = \"" + dir + "/graph\"\n"
	if err := os.WriteFile(storage, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return podmanEngine{program: program{server.Package(t, "podman", "podman"), []string{"CONTAINERS_STORAGE_CONF=" + storage, "TMPDIR=" + dir}}}
}

// as logs in and returns the flags of that login.
func (p podmanEngine) as(t *testing.T, who badge, ref string) ([]string, error) {
	auth := filepath.Join(t.TempDir(), "auth.json")
	flags := []string{"--authfile", auth, "--tls-verify=false"}
	if p.ca != "" {
		flags = []string{"--authfile", auth, "--cert-dir", p.ca}
	}
	if who == (badge{}) {
		emptyAuth(t, auth)
		return flags, nil
	}
	_, err := server.Run(t.Context(), p.env, who.password, p.path,
		append(append([]string{"login"}, flags...), "--username", who.user, "--password-stdin", hostOf(ref))...)
	return flags, err
}

func emptyAuth(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p podmanEngine) push(t *testing.T, who badge, ref string, img v1.Image) error {
	p.run(t, "load", "--input", writeTarball(t, ref, img))
	defer p.run(t, "rmi", ref)
	flags, err := p.as(t, who, ref)
	if err != nil {
		return err
	}
	_, err = p.try(t, append(append([]string{"push"}, flags...), ref)...)
	return err
}

func (p podmanEngine) pull(t *testing.T, who badge, ref string) (string, error) {
	flags, err := p.as(t, who, ref)
	if err != nil {
		return "", err
	}
	if _, err := p.try(t, append(append([]string{"pull"}, flags...), ref)...); err != nil {
		return "", err
	}
	id := p.run(t, "inspect", "--format={{.Id}}", ref)
	p.run(t, "rmi", ref)
	return "sha256:" + id, nil
}

// skopeoEngine copies between directories and registries.
type skopeoEngine struct{ program }

func newSkopeo(t *testing.T) engine {
	return skopeoEngine{program{server.Package(t, "skopeo", "skopeo"), nil}}
}

func (k skopeoEngine) as(t *testing.T, who badge, ref string) (string, error) {
	auth := filepath.Join(t.TempDir(), "auth.json")
	if who == (badge{}) {
		emptyAuth(t, auth)
		return auth, nil
	}
	_, err := server.Run(t.Context(), k.env, who.password, k.path, "login", "--tls-verify=false", "--authfile", auth,
		"--username", who.user, "--password-stdin", hostOf(ref))
	return auth, err
}

func (k skopeoEngine) push(t *testing.T, who badge, ref string, img v1.Image) error {
	auth, err := k.as(t, who, ref)
	if err != nil {
		return err
	}
	_, err = k.try(t, "--insecure-policy", "copy", "--authfile", auth, "--dest-tls-verify=false", "oci:"+writeLayout(t, img), "docker://"+ref)
	return err
}

func (k skopeoEngine) pull(t *testing.T, who badge, ref string) (string, error) {
	auth, err := k.as(t, who, ref)
	if err != nil {
		return "", err
	}
	back := t.TempDir()
	if _, err := k.try(t, "--insecure-policy", "copy", "--authfile", auth, "--src-tls-verify=false", "docker://"+ref, "dir:"+back); err != nil {
		return "", err
	}
	manifest, err := os.ReadFile(filepath.Join(back, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	return configOf(t, manifest), nil
}

func configOf(t *testing.T, manifest []byte) string {
	t.Helper()
	var m struct{ Config struct{ Digest string } }
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	return m.Config.Digest
}

// containerdEngine is ctr with a daemon of its own. It has no login command:
// the name and the password go with each call. The daemon asks for its token
// with POST first. Layers are unpacked by copying, which needs nothing of the
// kernel.
type containerdEngine struct {
	program
	hosts string // directory that says how to reach registries; "" for plain HTTP
}

func startContainerd(t *testing.T) engine {
	if os.Geteuid() != 0 {
		t.Fatal("containerd must run as root: run the tests as root, or leave real clients out with -short")
	}
	daemon, client := server.Package(t, "containerd", "containerd"), server.Package(t, "ctr", "containerd")
	dir, err := os.MkdirTemp("", "easel-ctr-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := `version = 2
root = "` + dir + `/root"
state = "` + dir + `/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "` + dir + `/sock"
`
	if err := os.WriteFile(dir+"/config.toml", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(daemon, "--config", dir+"/config.toml")
	cmd.Stdout, cmd.Stderr = log, log
	stop, err := server.StartDaemon(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(syscall.SIGTERM); err != nil {
			t.Errorf("containerd ended with %v", err)
		}
	})
	c := containerdEngine{program: program{client, []string{"CONTAINERD_ADDRESS=" + dir + "/sock", "CONTAINERD_NAMESPACE=easel", "CONTAINERD_SNAPSHOTTER=native"}}}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := c.try(t, "version")
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("containerd does not answer: %v\n%s", err, out)
		}
	}
}

func (c containerdEngine) as(who badge) []string {
	flags := []string{"--plain-http"}
	if c.hosts != "" {
		flags = []string{"--hosts-dir", c.hosts}
	}
	if who != (badge{}) {
		flags = append(flags, "--user", who.user+":"+who.password)
	}
	return flags
}

func (c containerdEngine) push(t *testing.T, who badge, ref string, img v1.Image) error {
	c.run(t, "images", "import", "--no-unpack", writeTarball(t, ref, img))
	defer c.run(t, "images", "rm", "--sync", ref)
	return c.transfer(t, "push", who, ref)
}

// transfer pushes or pulls, and keeps the password out of the error.
func (c containerdEngine) transfer(t *testing.T, verb string, who badge, ref string) error {
	_, err := c.try(t, append(append([]string{"images", verb}, c.as(who)...), ref)...)
	if err != nil && who != (badge{}) {
		return errors.New(strings.ReplaceAll(err.Error(), who.password, "…"))
	}
	return err
}

func (c containerdEngine) pull(t *testing.T, who badge, ref string) (string, error) {
	if err := c.transfer(t, "pull", who, ref); err != nil {
		return "", err
	}
	defer c.run(t, "images", "rm", "--sync", ref)
	fields := strings.Fields(c.run(t, "images", "ls", "name=="+ref)) // a headline, then name, type, digest
	for _, f := range fields {
		if strings.HasPrefix(f, "sha256:") {
			return c.config(t, f), nil
		}
	}
	return "", errors.New("ctr does not list what it pulled: " + strings.Join(fields, " "))
}

// config returns the digest of the config of a manifest; of an index, of the
// only one of its manifests that was pulled.
func (c containerdEngine) config(t *testing.T, digest string) string {
	t.Helper()
	content := c.run(t, "content", "get", digest)
	var index struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture string }
		}
	}
	if err := json.Unmarshal([]byte(content), &index); err != nil {
		t.Fatal(err)
	}
	for _, m := range index.Manifests {
		if m.Platform.Architecture == runtime.GOARCH {
			return c.config(t, m.Digest)
		}
	}
	return configOf(t, []byte(content))
}
