package registry

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

func (y *yard) bound(org easel.Org, c catalog.QuotaChange) {
	y.t.Helper()
	must(y.t, y.SetOrgQuota(as(alice), org, c))
}

// TestSpaceQuota pushes into an organisation until it is full, and then makes room.
func TestSpaceQuota(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.image("team/app", "v1", strings.Repeat("a", 600))
	y.bound("team", catalog.QuotaChange{Space: new(int64(1000))})

	// The session whose chunk does not fit is refused before a byte is read.
	u, err := y.StartUpload(y.ctx(), "team/app", "")
	must(t, err)
	big := strings.NewReader(strings.Repeat("b", 500))
	_, err = y.AppendUpload(y.ctx(), "team/app", u.ID, Chunk{Body: big, At: AtEnd, Size: 500})
	wantErr(t, err, easel.Denied, "space quota")
	if big.Len() != 500 {
		t.Errorf("%d bytes were read of an upload that cannot fit", 500-big.Len())
	}
	if !strings.Contains(err.Error(), "600 B of 1000 B, and this needs 500 B more") {
		t.Errorf("the error says %q", err)
	}
	err = y.PutBlob(y.ctx(), "team/app", sha256(strings.Repeat("b", 500)), Chunk{Body: strings.NewReader(strings.Repeat("b", 500)), At: AtEnd, Size: SizeUnknown})
	wantErr(t, err, easel.Denied, "space quota")

	// What was uploaded and is in no manifest yet counts.
	y.put(alice, "team/app", strings.Repeat("c", 300))
	err = y.PutBlob(y.ctx(), "team/app", sha256(strings.Repeat("d", 200)), chunk(AtEnd, strings.Repeat("d", 200)))
	wantErr(t, err, easel.Denied, "space quota")

	// A mount brings no bytes past the check: the manifest is refused.
	y.put(bob, "lab/big", strings.Repeat("e", 700))
	ok, err := y.MountBlob(y.ctx(), "team/app", "lab/big", sha256(strings.Repeat("e", 700)))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	body := imageManifest(sha256(strings.Repeat("e", 700)), 700)
	put := ManifestPush{Ref: easel.Ref{Tag: "big"}, ContentType: easel.MediaTypeOCIManifest, Body: body}
	_, err = y.PutManifest(y.ctx(), "team/app", put)
	wantErr(t, err, easel.Denied, "space quota")

	// Over the quota pulling and deleting work, and so does a push that adds nothing.
	y.bound("team", catalog.QuotaChange{Space: new(int64(10))})
	if got := y.read("team/app", sha256(strings.Repeat("a", 600))); len(got) != 600 {
		t.Errorf("pulled %d bytes", len(got))
	}
	same := imageManifest(sha256(strings.Repeat("a", 600)), 600)
	_, err = y.PutManifest(y.ctx(), "team/app", ManifestPush{Ref: easel.Ref{Tag: "again"}, ContentType: easel.MediaTypeOCIManifest, Body: same})
	must(t, err)
	_, err = y.StartUpload(y.ctx(), "team/app", "")
	wantErr(t, err, easel.Denied, "space quota")
	for _, tag := range []easel.Tag{"v1", "again"} {
		_, err = y.DeleteTag(y.ctx(), "team/app", tag)
		must(t, err)
	}
	y.bound("team", catalog.QuotaChange{Space: new(int64(catalog.DefaultQuota))})
	_, err = y.PutManifest(y.ctx(), "team/app", put)
	must(t, err)
	q, err := y.Quotas(y.ctx())
	must(t, err)
	if q.Orgs[1].Org != "team" || q.Orgs[1].Space != (catalog.Quota{Used: 700, Default: true}) {
		t.Errorf("quotas %+v", q.Orgs)
	}
}

// TestSpaceQuotaTogether pushes from many at once: what fits is stored, and no more.
func TestSpaceQuotaTogether(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	const images, each, fit = 8, 100, 3
	var bodies [][]byte
	for i := range images {
		content := strings.Repeat(fmt.Sprint(i), each)
		y.put(bob, "lab/source", content)
		repo := easel.Repo(fmt.Sprint("team/app", i%2))
		if ok, err := y.MountBlob(as(alice), repo, "lab/source", sha256(content)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		bodies = append(bodies, imageManifest(sha256(content), each))
	}
	y.bound("team", catalog.QuotaChange{Space: new(int64(fit*each + each/2))})
	var all sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for i, body := range bodies {
		all.Go(func() {
			p := ManifestPush{Ref: easel.Ref{Tag: easel.Tag(fmt.Sprint("v", i))}, ContentType: easel.MediaTypeOCIManifest, Body: body}
			_, err := y.PutManifest(as(alice), easel.Repo(fmt.Sprint("team/app", i%2)), p)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				stored++
			} else if e := easel.AsError(err); e.Noun != "space quota" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if stored != fit {
		t.Errorf("%d images of %d bytes are in an organisation of %d", stored, each, fit*each+each/2)
	}
}

func TestRepoQuota(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.image("team/one", "v1", "one")
	y.bound("team", catalog.QuotaChange{Repos: new(int64(1))})
	_, err := y.StartUpload(y.ctx(), "team/two", "")
	wantErr(t, err, easel.Denied, "repository quota")
	wantErr(t, y.CreateRepo(y.ctx(), catalog.NewRepository{Name: "team/two", Category: "other"}), easel.Denied, "repository quota")
	y.image("team/one", "v2", "another")
	_, err = y.DeleteRepo(y.ctx(), "team/one")
	must(t, err)
	y.image("team/two", "v1", "two")
	for _, bad := range []error{
		y.SetOrgQuota(as(bob), "team", catalog.QuotaChange{Repos: new(int64(0))}),
		y.SetOrgQuota(as(mal), "team", catalog.QuotaChange{Repos: new(int64(0))}),
		y.SetOrgQuota(as(alice), "team", catalog.QuotaChange{Repos: new(int64(-2))}),
		y.SetOrgQuota(as(alice), "team", catalog.QuotaChange{}),
		y.SetProjectQuota(as(alice), "none", catalog.QuotaChange{Images: new(int64(1))}),
	} {
		if bad == nil {
			t.Error("a quota was set that cannot be")
		}
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.now = time.Date(2026, 5, 1, 23, 59, 0, 0, time.UTC)
	y.image("team/app", "v1", "twelve bytes")
	y.CountServed("team/app", 100)
	y.CountServed("team/none", 5)
	y.CountServed("gone/app", 7)
	must(t, y.writeServed(t.Context()))
	must(t, y.recordStore(t.Context()))
	y.now = y.now.Add(2 * time.Minute)
	y.CountServed("team/app", 11)
	must(t, y.writeServed(t.Context()))
	days, err := y.Days(as(bob))
	must(t, err)
	last := days[len(days)-2:]
	if len(days) != 30 || last[0].Downflow != 105 || last[0].Store != 12 || last[1].Downflow != 11 || last[1].Store != 0 || last[1].Date.Day() != 2 {
		t.Errorf("%d days, the last %+v", len(days), last)
	}
	o, err := y.Overview(as(bob))
	must(t, err)
	if o != (catalog.Overview{Orgs: 2, Repos: 1, Tags: 1, Store: 12, Downflow: 116}) {
		t.Errorf("overview %+v", o)
	}
}
