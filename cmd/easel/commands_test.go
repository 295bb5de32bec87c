package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/rogpeppe/go-internal/testscript"

	"easel/internal/client"
)

// server is an easel serve that a script started.
type server struct {
	cmd  *exec.Cmd
	done chan error
}

// servers has the server of each script that was started last, by work directory.
var servers sync.Map

// serve starts "easel serve --listen 127.0.0.1:0" with more flags and waits
// until it listens. It sets EASEL_SERVER and HOST; what it prints is in serve.out.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	path, err := exec.LookPath("easel")
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = environment(ts)
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	log, err := os.OpenFile(ts.MkAbs("serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	ts.Check(cmd.Start())
	s := &server{cmd: cmd, done: make(chan error, 1)}
	text, base := listening(stdout)
	go func() {
		_, _ = io.Copy(io.Discard, stdout) // nothing more is expected; the pipe must not fill up
		s.done <- cmd.Wait()
	}()
	ts.Check(os.WriteFile(ts.MkAbs("serve.out"), []byte(text), 0o600))
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it may have ended long ago
	})
	if base == "" {
		ts.Fatalf("easel serve did not start: %s%s", text, ts.ReadFile("serve.log"))
	}
	ts.Setenv("EASEL_SERVER", base)
	ts.Setenv("HOST", base[strings.Index(base, "://")+3:])
	servers.Store(ts.Getenv("WORK"), s)
}

func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "EASEL_ADMIN_PASSWORD", "EASEL_ADMIN_ACCESS_KEY",
		"EASEL_ADMIN_SECRET_KEY", "EASEL_PROJECT_ID", "EASEL_LOG_FORMAT", "EASEL_CONFIG", "EASEL_MASTER_KEY"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// listening reads until the server says that it listens.
func listening(r io.Reader) (text, base string) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		text += line
		if at, ok := strings.CutPrefix(line, "listening on "); ok {
			return text, strings.TrimSpace(at)
		}
		if err != nil {
			return text, ""
		}
	}
}

func end(ts *testscript.TestScript, signal os.Signal) error {
	found, ok := servers.LoadAndDelete(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no server is running")
	}
	s := found.(*server)
	ts.Check(s.cmd.Process.Signal(signal))
	select {
	case err := <-s.done:
		return err
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server does not end")
		return nil
	}
}

// halt ends the server as a service manager does, and wants exit code 0.
func halt(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(end(ts, syscall.SIGTERM))
}

// crash ends the server as a crash does.
func crash(ts *testscript.TestScript, neg bool, args []string) {
	if err := end(ts, syscall.SIGKILL); err == nil {
		ts.Fatalf("the server ended by itself")
	}
}

// push pushes a random image as docker would: push [-seed N] [-layers N] [-size BYTES] [-with SEED] ORG/NAME:TAG.
// The same seed makes the same image; -with adds the layers of another seed's image.
func push(ts *testscript.TestScript, neg bool, args []string) {
	seed, layers, bytes, with := int64(1), int64(2), int64(10_000), int64(0)
	for len(args) > 1 {
		value := map[string]*int64{"-seed": &seed, "-layers": &layers, "-size": &bytes, "-with": &with}[args[0]]
		if value == nil {
			ts.Fatalf("push: unknown flag %s", args[0])
		}
		n, err := strconv.ParseInt(args[1], 10, 64)
		ts.Check(err)
		*value, args = n, args[2:]
	}
	img, err := random.Image(bytes, layers, random.WithSource(rand.NewSource(seed)))
	ts.Check(err)
	if with != 0 {
		other, err := random.Image(bytes, layers, random.WithSource(rand.NewSource(with)))
		ts.Check(err)
		shared, err := other.Layers()
		ts.Check(err)
		img, err = mutate.AppendLayers(img, shared...)
		ts.Check(err)
	}
	connections := newConnections()
	defer connections.CloseIdleConnections()
	err = remote.Write(reference(ts, args[0]), img, auth(ts), remote.WithTransport(connections))
	if neg {
		if err == nil {
			ts.Fatalf("the push succeeded")
		}
		return
	}
	ts.Check(err)
}

// pull reads an image completely and compares every digest.
func pull(ts *testscript.TestScript, neg bool, args []string) {
	connections := newConnections()
	defer connections.CloseIdleConnections()
	img, err := remote.Image(reference(ts, args[0]), auth(ts), remote.WithTransport(connections))
	if err == nil {
		err = validate.Image(img)
	}
	if neg {
		if err == nil {
			ts.Fatalf("%s can be pulled", args[0])
		}
		return
	}
	ts.Check(err)
}

// newConnections returns a transport of its own: connections that stay open
// would make the server wait when it stops.
func newConnections() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

func reference(ts *testscript.TestScript, path string) name.Reference {
	ref, err := name.ParseReference(ts.Getenv("HOST")+"/"+path, name.Insecure)
	ts.Check(err)
	return ref
}

// auth logs in with the profile's key, or with the one in the environment.
func auth(ts *testscript.TestScript) remote.Option {
	key, secret := ts.Getenv("EASEL_ADMIN_ACCESS_KEY"), ts.Getenv("EASEL_ADMIN_SECRET_KEY")
	if key == "" {
		profile := ts.ReadFile("config/easel/profile.yaml")
		key, secret = field(profile, "access_key"), field(profile, "secret_key")
	}
	return remote.WithAuth(&authn.Basic{Username: "eu-de@" + key, Password: client.LoginKey(key, secret)})
}

func field(yaml, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `: (.*)$`).FindStringSubmatch(yaml)
	if m == nil {
		return ""
	}
	return strings.Trim(m[1], `"`)
}

// objects returns the files of the blob store.
func objects(ts *testscript.TestScript, dir string) (files []string, bytes int64) {
	ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files, bytes = append(files, path), bytes+info.Size()
		}
		return err
	}))
	return files, bytes
}

// blobs looks at the blob store: "blobs DIR save VAR" keeps its size in bytes,
// "blobs DIR BYTES" wants that size.
func blobs(ts *testscript.TestScript, neg bool, args []string) {
	_, bytes := objects(ts, args[0])
	if args[1] == "save" {
		ts.Setenv(args[2], fmt.Sprint(bytes))
		return
	}
	if same := fmt.Sprint(bytes) == args[1]; same == neg {
		ts.Fatalf("the blob store has %d bytes; the script says %s", bytes, args[1])
	}
}

// damage changes a byte in an object, or removes one: damage flip|remove DIR.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	files, _ := objects(ts, args[1])
	if len(files) == 0 {
		ts.Fatalf("there is no object to damage")
	}
	if args[0] == "remove" {
		ts.Check(os.Remove(files[0]))
		return
	}
	text, err := os.ReadFile(files[0])
	ts.Check(err)
	text[0] ^= 1
	ts.Check(os.WriteFile(files[0], text, 0o600))
}

// find sets a variable to what an expression's first group finds in a file,
// which may be "stdout": find VAR FILE EXPR.
func find(ts *testscript.TestScript, neg bool, args []string) {
	m := regexp.MustCompile(`(?m)` + args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if m == nil {
		ts.Fatalf("%s has nothing like %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[1])
}

// get asks the server for a path, without credentials, and wants a status: get STATUS PATH [HEADER VALUE].
func get(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.NewRequest(http.MethodGet, ts.Getenv("EASEL_SERVER")+args[1], nil)
	ts.Check(err)
	if len(args) > 3 {
		r.Header.Set(args[2], args[3])
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	resp, err := c.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("body"), body, 0o600))
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("GET %s: %s, want %s\n%s", args[1], resp.Status, args[0], body)
	}
}

// exitcode runs a command and wants an exit code: exitcode CODE COMMAND….
// Afterwards "stdout" and "stderr" look at its output.
func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// certificate writes a certificate for 127.0.0.1 that signs itself, and its key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "easel"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: cert}, {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(block), 0o600))
	}
}
