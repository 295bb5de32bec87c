package attack

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"easel"
)

// stored is the number of bytes under blobs.
func (in *installation) stored(t *testing.T) (n int64) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(in.dir, "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	}))
	return n
}

func freed(t *testing.T, a answer) int64 {
	t.Helper()
	n, err := strconv.ParseInt(a.header.Get("X-Easel-Bytes-Freed"), 10, 64)
	must(t, err)
	return n
}

// sound asks the server to check itself.
func (in *installation) sound(t *testing.T) {
	t.Helper()
	report := in.iam(t, "ann", "POST", "/easel/v1/check", `{"rehash":true}`).want(t, "check", http.StatusOK)
	if findings := field[[]any](t, report, "findings"); len(findings) > 0 {
		t.Errorf("after the attack the check finds %v", findings)
	}
}

// TestDeletion attacks what is shared between tags, repositories and domains.
func TestDeletion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		attack func(*testing.T, *installation)
	}{
		{"4 content that was just deleted comes back byte for byte", pushAgain},
		{"5 a deleted blob stays unreadable here although another repository has it", deletedHereNotThere},
		{"7 an index of an index of an index", nestedIndexes},
		{"7 an index that names itself or nobody", impossibleIndexes},
		{"9 referrers of referrers, and one in another repository", chainOfReferrers},
		{"10 two domains delete the same layers at once", sharedByTwoDomains},
		{"11 one digest as configuration and as every layer", oneDigestEverywhere},
		{"11 a layer without bytes", emptyLayer},
		{"13 one image deleted by fifty clients at once", deletedByMany},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := start(t)
			tt.attack(t, in)
			in.sound(t)
		})
	}
}

func pushAgain(t *testing.T, in *installation) {
	for range 3 {
		in.push(t, "ann", "team/app", "v1", "configuration", "layer")
		in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
		if n := in.stored(t); n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	}
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	if got := in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf("layer"), "").want(t, "pull", http.StatusOK); got.body != "layer" {
		t.Errorf("pulled %q", got.body)
	}
}

func deletedHereNotThere(t *testing.T, in *installation) {
	in.push(t, "ann", "team/a", "v1", "configuration", "layer")
	in.push(t, "ann", "team/b", "v1", "configuration", "layer")
	in.oci(t, "ann", "DELETE", "team/a", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	for _, method := range []string{"GET", "HEAD", "DELETE"} {
		in.oci(t, "ann", method, "team/a", "/blobs/"+digestOf("layer"), "").want(t, method+" of the blob of a", http.StatusNotFound)
	}
	in.oci(t, "ann", "GET", "team/b", "/blobs/"+digestOf("layer"), "").want(t, "the blob of b", http.StatusOK)
}

func index(children ...string) string {
	var all []string
	for _, c := range children {
		mediaType := easel.MediaTypeOCIManifest
		if strings.Contains(c, `"manifests"`) {
			mediaType = easel.MediaTypeOCIIndex
		}
		all = append(all, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, digestOf(c), len(c)))
	}
	return `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIIndex + `","manifests":[` + strings.Join(all, ",") + `]}`
}

func nestedIndexes(t *testing.T, in *installation) {
	doc := in.image(t, "ann", "team/app", "configuration", "layer")
	for depth := range 60 {
		in.put(t, "ann", "team/app", digestOf(doc), doc).want(t, fmt.Sprint("put ", depth), http.StatusCreated)
		doc = index(doc)
	}
	in.put(t, "ann", "team/app", "top", doc).want(t, "put the top", http.StatusCreated)
	in.oci(t, "ann", "DELETE", "team/app", "/manifests/top", "").want(t, "delete the top", http.StatusAccepted)
	if n := in.stored(t); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func impossibleIndexes(t *testing.T, in *installation) {
	child := in.image(t, "ann", "team/app", "configuration", "layer")
	in.put(t, "ann", "team/app", "v1", index(child)).want(t, "an index of what was not put", http.StatusBadRequest)
	in.put(t, "ann", "team/app", "v1", index("nothing")).want(t, "an index of what does not exist", http.StatusBadRequest)
	in.put(t, "ann", "team/app", digestOf("self"), index(index())).want(t, "an index under another digest", http.StatusBadRequest)
	in.put(t, "ann", "team/other", "v1", child).want(t, "an image of another repository's blobs", http.StatusBadRequest)
	in.put(t, "ann", "team/app", "v1", child).want(t, "the image", http.StatusCreated)
	in.put(t, "ann", "team/app", "v1-index", index(child, child)).want(t, "an index that names a child twice", http.StatusCreated)
	in.oci(t, "ann", "DELETE", "team/app", "/manifests/"+digestOf(child), "").want(t, "delete a child", http.StatusConflict)
	in.oci(t, "ann", "GET", "team/app", "/manifests/v1", "").want(t, "the child", http.StatusOK)
}

func referrer(config, subject string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[],"subject":{"mediaType":%[1]q,"digest":%[3]q,"size":%[4]d}}`,
		easel.MediaTypeOCIManifest, config, digestOf(subject), len(subject))
}

func chainOfReferrers(t *testing.T, in *installation) {
	config := in.upload(t, "ann", "team/app", "signature")
	doc := in.image(t, "ann", "team/app", "configuration", "layer")
	in.put(t, "ann", "team/app", "v1", doc).want(t, "put", http.StatusCreated)
	in.upload(t, "ann", "team/other", "signature")
	alone := referrer(config, doc)
	in.put(t, "ann", "team/other", "mine", alone).want(t, "a referrer in another repository", http.StatusCreated)
	for range 40 {
		doc = referrer(config, doc)
		in.put(t, "ann", "team/app", digestOf(doc), doc).want(t, "a referrer", http.StatusCreated)
	}
	in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	in.oci(t, "ann", "GET", "team/app", "/manifests/"+digestOf(doc), "").want(t, "the last referrer", http.StatusNotFound)
	in.oci(t, "ann", "GET", "team/other", "/manifests/mine", "").want(t, "the referrer in the other repository", http.StatusOK)
	// By digest: what waits for its subject is pinned, and that ends the pin.
	in.oci(t, "ann", "DELETE", "team/other", "/manifests/"+digestOf(alone), "").want(t, "delete that", http.StatusAccepted)
	if n := in.stored(t); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func sharedByTwoDomains(t *testing.T, in *installation) {
	const images = 20
	for i := range images {
		for user, repo := range map[string]string{"ann": "team/app", "gus": "rival/app"} {
			in.push(t, user, repo, fmt.Sprint("v", i), "configuration", "base", fmt.Sprint("layer ", i))
		}
	}
	had := in.stored(t)
	var all atomic.Int64
	var wg sync.WaitGroup
	for user, repo := range map[string]string{"ann": "team/app", "gus": "rival/app"} {
		bearer := in.bearer(t, user, "repository:"+repo+":pull,push,delete")
		for i := range images {
			wg.Go(func() {
				a := in.send(t, request{method: "DELETE", target: "/v2/" + repo + "/manifests/v" + fmt.Sprint(i), header: map[string]string{"Authorization": bearer}})
				a.want(t, "delete", http.StatusAccepted)
				all.Add(freed(t, a))
			})
		}
	}
	wg.Wait()
	if n := in.stored(t); n != 0 || all.Load() != had {
		t.Errorf("%d bytes were there, the receipts say that %d were freed, %d are left", had, all.Load(), n)
	}
}

func oneDigestEverywhere(t *testing.T, in *installation) {
	same := in.upload(t, "ann", "team/app", "same")
	in.put(t, "ann", "team/app", "v1", `{"schemaVersion":2,"mediaType":"`+easel.MediaTypeOCIManifest+`","config":`+same+`,"layers":[`+same+`,`+same+`]}`).
		want(t, "push", http.StatusCreated)
	a := in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	if n, f := in.stored(t), freed(t, a); n != 0 || f != int64(len("same")) {
		t.Errorf("%d bytes freed, %d left", f, n)
	}
}

func emptyLayer(t *testing.T, in *installation) {
	in.push(t, "ann", "team/app", "v1", "configuration", "")
	if got := in.oci(t, "ann", "GET", "team/app", "/blobs/"+digestOf(""), "").want(t, "the empty blob", http.StatusOK); got.body != "" {
		t.Errorf("the empty blob is %q", got.body)
	}
	in.oci(t, "ann", "DELETE", "team/app", "/manifests/v1", "").want(t, "delete", http.StatusAccepted)
	in.oci(t, "ann", "HEAD", "team/app", "/blobs/"+digestOf(""), "").want(t, "the empty blob afterwards", http.StatusNotFound)
}

func deletedByMany(t *testing.T, in *installation) {
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	target, token := "/v1/"+acmeOne+"/images/"+in.register(t, "ann", "team/app:v1")+"?force=true", in.token(t, "ann", "")
	had := in.stored(t)
	var deleted, all atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			a := in.send(t, request{method: "DELETE", target: target, header: map[string]string{"X-Auth-Token": token}})
			switch a.status {
			case http.StatusOK:
				deleted.Add(1)
				all.Add(freed(t, a))
			case http.StatusNotFound:
			default:
				t.Errorf("delete: %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if deleted.Load() != 1 || all.Load() != had || in.stored(t) != 0 {
		t.Errorf("%d deletions succeeded and freed %d of %d bytes; %d are left", deleted.Load(), all.Load(), had, in.stored(t))
	}
}
