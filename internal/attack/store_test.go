package attack

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// objects are the files of the store by content.
func (in *installation) objects(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(filepath.Join(in.dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found[string(content)] = path
		return err
	}))
	return found
}

// TestStore damages the store behind the server's back.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		attack func(*testing.T, *installation)
	}{
		{"15 objects seem to be from another century", anotherCentury},
		{"15 the objects are from an older backup than the database", olderObjects},
		{"15 the database is from an older backup than the objects", olderDatabase},
		{"16 an object cannot be unlinked", stubbornObject},
		{"16 an object is gone already", goneObject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := start(t)
			in.push(t, "ann", "team/app", "v1", "configuration", "layer")
			tt.attack(t, in)
			in.sound(t)
		})
	}
}

func anotherCentury(t *testing.T, in *installation) {
	for i, path := range []string{in.objects(t)["layer"], in.objects(t)["configuration"]} {
		when := time.Now().AddDate(200*i-100, 0, 0)
		must(t, os.Chtimes(path, when, when))
	}
	in.iam(t, "ann", "POST", "/easel/v1/reclaim", "").want(t, "reclaim", http.StatusOK)
	in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf("layer"), "").want(t, "pull", http.StatusOK)
}

func olderObjects(t *testing.T, in *installation) {
	must(t, os.Remove(in.objects(t)["layer"]))
	in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf("layer"), "").want(t, "pull what is missing", http.StatusNotFound)
	report := in.iam(t, "ann", "POST", "/easel/v1/check", `{"repair":true}`).want(t, "check", http.StatusOK)
	if findings := field[[]any](t, report, "findings"); len(findings) != 1 {
		t.Errorf("the check finds %v, want the one object", findings)
	}
	in.push(t, "ann", "team/again", "v1", "configuration", "layer")
	in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf("layer"), "").want(t, "pull after another push of it", http.StatusOK)
}

func olderDatabase(t *testing.T, in *installation) {
	path := in.objects(t)["layer"]
	unknown := filepath.Join(filepath.Dir(path), filepath.Base(path)[:2]+strings.Repeat("0", len(filepath.Base(path))-2))
	must(t, os.WriteFile(unknown, []byte("of a push that the backup does not know"), 0o600))
	report := in.iam(t, "ann", "POST", "/easel/v1/check", `{"repair":true}`).want(t, "check", http.StatusOK)
	if findings := field[[]any](t, report, "findings"); len(findings) != 1 {
		t.Errorf("the check finds %v, want the one object", findings)
	}
	if _, err := os.Stat(unknown); err == nil {
		t.Error("the unknown object is still there")
	}
}

func stubbornObject(t *testing.T, in *installation) {
	path := in.objects(t)["layer"]
	must(t, os.Remove(path))
	must(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700)) // a directory that is not empty
	a := in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	if pending := a.header.Get("X-Easel-Bytes-Pending"); pending != "5" || freed(t, a) != int64(len("configuration")) {
		t.Errorf("pending %s, freed %d; want the layer's 5 bytes pending and the configuration's freed", pending, freed(t, a))
	}
	must(t, os.RemoveAll(path))
	must(t, os.WriteFile(path, []byte("layer"), 0o600))
	in.iam(t, "ann", "POST", "/easel/v1/reclaim", "").want(t, "reclaim", http.StatusOK)
	if n := in.stored(t); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func goneObject(t *testing.T, in *installation) {
	must(t, os.Remove(in.objects(t)["layer"]))
	in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	in.oci(t, "ann", "GET", "team/app", "/manifests/v1", "").want(t, "the image afterwards", http.StatusNotFound)
}

// TestToldIsTrue: who was told that content is there, and pushes what names it,
// succeeds, whatever is deleted meanwhile (3).
func TestToldIsTrue(t *testing.T) {
	t.Parallel()
	in := start(t)
	scope := "repository:team/app:pull,push,delete"
	manifest := in.image(t, "ann", "team/app", "configuration", "layer")
	in.put(t, "ann", "team/app", "v0", manifest).want(t, "push", http.StatusCreated)
	ann, dan := in.bearer(t, "ann", scope), in.bearer(t, "dan", scope)
	const rounds = 60
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // whatever tag dan's image has, ann deletes it
		for i := 0; ; i = (i + 1) % rounds {
			select {
			case <-done:
				return
			default:
			}
			in.send(t, request{method: "DELETE", target: fmt.Sprint("/v2/team/app/manifests/v", i), header: map[string]string{"Authorization": ann}})
		}
	})
	told := 0
	for i := range rounds {
		there := true
		for _, content := range []string{"configuration", "layer"} {
			a := in.send(t, request{method: "HEAD", target: "/v2/team/app/blobs/" + digestOf(content), header: map[string]string{"Authorization": dan}})
			if a.status != http.StatusOK {
				there = false
				in.upload(t, "dan", "team/app", content)
			}
		}
		if there {
			told++
		}
		in.send(t, request{"PUT", fmt.Sprint("/v2/team/app/manifests/v", i), map[string]string{"Authorization": dan, "Content-Type": "application/vnd.oci.image.manifest.v1+json"}, manifest}).
			want(t, fmt.Sprintf("round %d, told %v", i, there), http.StatusCreated)
	}
	close(done)
	wg.Wait()
	t.Logf("told %d of %d times", told, rounds)
	in.sound(t)
}

// TestPullDuringDeletion: who reads a blob that is deleted reads it to its end,
// and then its bytes are gone (12).
func TestPullDuringDeletion(t *testing.T) {
	t.Parallel()
	in := start(t)
	layer := strings.Repeat("0123456789abcdef", 1<<20)
	in.push(t, "ann", "team/app", "v1", "configuration", layer)
	req, err := http.NewRequestWithContext(t.Context(), "GET", in.url+"/v2/team/app/blobs/"+digestOf(layer), nil)
	must(t, err)
	req.Header.Set("Authorization", in.bearer(t, "ann", "repository:team/app:pull"))
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer resp.Body.Close()
	first := make([]byte, 16)
	_, err = io.ReadFull(resp.Body, first)
	must(t, err)
	a := in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	if n := in.stored(t); n != 0 || freed(t, a) != int64(len(layer)+len("configuration")) {
		t.Errorf("freed %d, %d bytes are left", freed(t, a), n)
	}
	rest, err := io.ReadAll(resp.Body)
	must(t, err)
	if !bytes.Equal(append(first, rest...), []byte(layer)) {
		t.Errorf("the reader got %d bytes, or others", len(first)+len(rest))
	}
}
