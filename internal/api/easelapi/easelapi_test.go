package easelapi_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/api/easelapi"
	"easel/internal/registry"
)

func TestContract(t *testing.T) {
	t.Parallel()
	apitest.Contract(t, newWorld(t).patterns, easelapi.OpenAPI)
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Replace(`("sign(?:ed|ature)": ?")[A-Za-z0-9+/]+=*`, "${1}<base64>") // ids and times are in it
	w.Replace(`("subject": ?")sha256:[0-9a-f]{64}`, "${1}<digest>")       // in the order of random storage keys
	w.Replace(planID.String(), "<plan>")                                  // ids are in it
	base := w.register(t, "team/base:1", "ubuntu")
	derived := w.register(t, "team/torch:1", "ubuntu", "torch")
	public := w.register(t, "team/torch:2", "ubuntu", "torch", "extra")
	w.Golden(t, "deletion",
		as("ann", "POST", "/easel/v1/plans", selection(true, derived)),
		as("ann", "POST", "/easel/v1/plans", selection(false, derived, base)),
		as("ann", "POST", "/easel/v1/deletions", selection(true, derived, public)),
		as("ann", "POST", "/easel/v1/deletions", selection(true, derived)),
	)
	w.register(t, "team/old:1", "ubuntu", "old")
	used := w.register(t, "team/old:used", "ubuntu", "older")
	w.use.tag = "used"
	w.Golden(t, "plan",
		as("ann", "POST", "/easel/v1/plans", `{"filter":{"namespace":"team","name":"old","status":"ACTIVE"},"force":true}`),
		as("ann", "POST", "/easel/v1/plans", `{"tag":"team/base:1"}`),
		as("ann", "POST", "/easel/v1/plans", `{"repository":"team/old"}`),
		insisting(as("ann", "POST", "/easel/v1/deletions", `{"tag":"team/old:1"}`), `"0123456789-0123456789-0123456789-0123456789-0123456789"`),
		insisting(as("ann", "POST", "/easel/v1/deletions", selection(true, used)), "*"),
	)
	w.Replace(`("hash": ?")[0-9a-f]{64}`, "${1}<hash>")
	if _, err := w.DB.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Golden(t, "operation",
		as("ann", "GET", "/easel/v1/audit?limit=2", ""),
		as("ann", "GET", "/easel/v1/audit/head", ""),
		as("ann", "GET", "/easel/v1/audit/verify", ""),
		as("ann", "POST", "/easel/v1/check", `{"rehash":false}`),
		as("ann", "POST", "/easel/v1/reclaim", ""),
	)
	w.Golden(t, "protection",
		as("ann", "POST", "/easel/v1/images/"+base+"/protection", ""),
		as("ann", "GET", "/easel/v1/images/"+base+"/protection", ""),
		as("ben", "DELETE", "/easel/v1/images/"+base+"/protection", ""),
		as("ann", "POST", "/easel/v1/deletions", selection(false, base)),
		as("ann", "DELETE", "/easel/v1/images/"+base+"/protection", ""),
	)
	w.Golden(t, "immutable-tags",
		as("ann", "PUT", "/easel/v1/organisations/team/immutable-tags", `{"patterns":["????-??-??"]}`),
		as("ann", "PUT", "/easel/v1/repositories/team/torch/immutable-tags", `{"patterns":["v*"]}`),
		as("ann", "GET", "/easel/v1/repositories/team/torch/immutable-tags", ""),
		as("ann", "PUT", "/easel/v1/repositories/team/torch/immutable-tags", `{"patterns":["[a-z]"]}`),
		as("ann", "PUT", "/easel/v1/repositories/team/torch/immutable-tags", `{"patterns":[]}`),
		as("ann", "GET", "/easel/v1/organisations/team/immutable-tags", ""),
	)
	w.Replace(`("(?:access|secret)_key": ?")[A-Za-z0-9]{20,40}`, "${1}<key>")
	w.Replace(`/robots/[A-Z0-9]{20}`, "/robots/<key>")
	made := w.Do(t, as("ann", "POST", "/easel/v1/robots", `{"name":"spare","repositories":["*"],"actions":["read"]}`))
	w.Golden(t, "robot",
		as("ben", "POST", "/easel/v1/robots", `{"name":"nightly build","repositories":["team/app-*","team/base"],"actions":["push","pull"],"networks":["10.0.0.0/8","192.0.2.1"],"expires_at":"2027-01-02T03:04:05Z"}`),
		as("ann", "GET", "/easel/v1/robots", ""),
		as("ben", "GET", "/easel/v1/robots", ""),
		as("ann", "POST", "/easel/v1/robots", `{"name":"ci","repositories":["te*m/app"],"actions":["pull"]}`),
		as("robot", "POST", "/easel/v1/robots", `{"name":"ci","repositories":["*"],"actions":["pull"]}`),
		as("ann", "DELETE", "/easel/v1/robots/"+robotKey(t, made), ""),
	)
	receipt := decode[struct {
		Records []struct{ ID string }
	}](t, w.Do(t, as("ann", "GET", "/easel/v1/audit?action=deleteNotebookImage", ""))).Records[0].ID
	w.Golden(t, "receipt", as("ben", "GET", "/easel/v1/receipts/"+receipt, ""), as("ben", "GET", "/easel/v1/receipts/key", ""))
	layer := easel.DigestOf(easel.SHA256, []byte("ubuntu"))
	w.Push(t, w.Gus, "rival/app:1", "ubuntu")
	w.PushIndex(t, w.Ann, "team/multi:all", "amd64=ubuntu", "arm64=debian")
	w.Golden(t, "why",
		as("ann", "GET", "/easel/v1/blobs?image=team/multi:all", ""),
		as("ann", "GET", "/easel/v1/blobs/"+string(layer)+"/why", ""),
		as("gus", "GET", "/easel/v1/blobs/"+string(layer)+"/why", ""),
	)
	ledgerExchanges(t, w)
	w.hooks(t)
	leftBehindExchanges(t, w)
	goldenJob(t, w)
	retentionExchanges(t, w)
	quotaExchanges(t, w)
	signOnExchanges(t, w)
	trustExchanges(t, w)
	w.Golden(t, "undo",
		as("ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":-86400}`),
		as("ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":604800,"budget_bytes":1000}`),
		as("ann", "POST", "/easel/v1/plans", selection(true, base)),
		as("ann", "GET", "/easel/v1/organisations/team/undo", ""),
	)
	deleted := func(id string) string {
		return decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", selection(true, id)))).ID
	}
	w.Push(t, w.Ann, "team/base:2", "other")
	undone, purged := deleted(w.register(t, "team/undone:1", "undone")), deleted(w.register(t, "team/purged:1", "purged"))
	w.Push(t, w.Ann, "team/undone:1", "meanwhile")
	w.Golden(t, "trash",
		as("ann", "GET", "/easel/v1/trash?limit=1", ""),
		as("ann", "GET", "/easel/v1/trash/"+undone, ""),
		as("ann", "POST", "/easel/v1/trash/"+undone+"/restore", ""),
		as("ann", "POST", "/easel/v1/trash/"+undone+"/restore", ""),
		as("ann", "GET", "/easel/v1/blobs/"+string(easel.DigestOf(easel.SHA256, []byte("purged")))+"/why", ""),
		as("ann", "DELETE", "/easel/v1/trash/"+purged, ""),
	)
	w.Complete(t)
}

// robotKey returns the access key of a robot that was made.
func robotKey(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var r struct {
		Key string `json:"access_key"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != 201 || r.Key == "" {
		t.Fatalf("no robot was made: %d %s", w.Code, w.Body)
	}
	return r.Key
}

// TestPlanIsTheDeletion compares what a plan promises with what the deletion does.
func TestPlanIsTheDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "team/base:1", "ubuntu")
	derived := w.register(t, "team/torch:1", "ubuntu", "torch")
	body := selection(true, derived)
	plan := decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/plans", body)))
	again := decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/plans", body)))
	done := decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", body)))
	for name, r := range map[string]*easel.Receipt{"the second plan": &again, "the deletion": &done} {
		r.ID, r.At = plan.ID, plan.At
		if diff := cmp.Diff(plan, *r); diff != "" {
			t.Errorf("%s differs from the plan (-plan +it):\n%s", name, diff)
		}
	}
	if plan.Freed == 0 || plan.Shared == 0 || len(plan.Blobs) == 0 {
		t.Errorf("the plan promises nothing: %+v", plan)
	}
	if w.HasTag(t, "team/torch:1") {
		t.Error("the tag is still there")
	}
}

// goldenJob records the life of a job.
func goldenJob(t *testing.T, w *world) {
	t.Helper()
	w.use.tag = "used"
	ids := []string{w.register(t, "team/jobs:1", "ubuntu", "one"), w.register(t, "team/jobs:used", "ubuntu", "two")}
	path := w.Golden(t, "job_start", as("ann", "POST", "/easel/v1/jobs", selection(true, ids...)))[0].Header().Get("Location")
	w.Golden(t, "job_pause",
		as("ann", "POST", path+"/pause", ""),
		as("ann", "POST", path+"/resume", ""),
	)
	if worked, err := w.images.WorkOnJob(t.Context()); err != nil || !worked {
		t.Fatal(worked, err)
	}
	back := as("ann", "GET", path+"/events", "")
	back.Header.Set("Last-Event-ID", "1")
	w.Golden(t, "job",
		as("ben", "GET", path+"?limit=10", ""),
		as("ann", "GET", path+"/events", ""),
		back,
		as("ann", "POST", path+"/cancel", ""),
		as("ann", "GET", "/easel/v1/jobs", ""),
	)
	other := w.Do(t, as("ann", "POST", "/easel/v1/jobs", `{"filter":{"tag":"used"}}`)).Header().Get("Location")
	if a := w.Do(t, as("ann", "POST", other+"/cancel", "")); a.Code != http.StatusOK {
		t.Errorf("cancel: %d %s", a.Code, a.Body)
	}
}

// TestJobEvents watches a job from its start to its end, over a connection.
func TestJobEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := make([]string, 3)
	for i := range ids {
		ids[i] = w.register(t, fmt.Sprint("team/jobs:", i), "ubuntu", fmt.Sprint(i))
	}
	path := w.Do(t, as("ann", "POST", "/easel/v1/jobs", selection(true, ids...))).Header().Get("Location")
	server := httptest.NewServer(w.handler)
	defer server.Close()
	req := as("ann", "GET", path+"/events", "")
	watch, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	watch.Header = req.Header
	resp, err := server.Client().Do(watch)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewScanner(resp.Body)
	var seen []string
	for events.Scan() {
		name, isEvent := strings.CutPrefix(events.Text(), "event: ")
		if !isEvent {
			continue
		}
		if seen = append(seen, name); len(seen) == 1 { // it is watched: now it may go on
			if worked, err := w.images.WorkOnJob(t.Context()); err != nil || !worked {
				t.Fatal(worked, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"progress", "image", "image", "image", "end"}, seen); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// planID is how the id of a plan looks.
var planID = regexp.MustCompile(`[0-9a-f]{10}(-[0-9a-f]{10}){4}`)

func insisting(r *http.Request, plan string) *http.Request {
	r.Header.Set("If-Match", plan)
	return r
}

// TestInsist deletes what was planned, and nothing when that is not what
// would happen any more.
func TestInsist(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		selects func(id string) string
		between func(t *testing.T, w *world)
		header  string // %s is the plan
		want    string // code of the error; "": it is deleted
		says    string
	}{
		{name: "nothing happened, as an entity tag", header: `"%s"`},
		{name: "nothing happened, bare", header: "%s"},
		{name: "one of several", header: `"x", "%s"`},
		{name: "whatever there is", header: "*", between: func(t *testing.T, w *world) { w.Push(t, w.Ann, "team/torch:1", "ubuntu", "new") }},
		{name: "by filter", header: "%s", selects: func(string) string { return `{"filter":{"name":"torch"},"force":true}` }},
		{name: "a tag", header: "%s", selects: func(string) string { return `{"tag":"team/torch:1"}` }},
		{name: "a repository", header: "%s", selects: func(string) string { return `{"repository":"team/torch"}` }},
		{name: "the tag moved", header: "%s", want: "412 ModelArts.6357", says: "the manifests, the bytes changed",
			between: func(t *testing.T, w *world) { w.Push(t, w.Ann, "team/torch:1", "ubuntu", "new") }},
		{name: "the content is shared now", header: "%s", want: "412 ModelArts.6357", says: "the bytes changed",
			between: func(t *testing.T, w *world) { w.Push(t, w.Ann, "team/more:1", "torch") }},
		{name: "the filter matches more", header: "%s", want: "412 ModelArts.6357", says: "the image records, the tags",
			selects: func(string) string { return `{"filter":{"name":"torch"},"force":true}` },
			between: func(t *testing.T, w *world) { w.register(t, "team/torch:2", "other") }},
		{name: "a tag more in the repository", header: "%s", want: "412 ModelArts.6357", says: "the tags, the manifests",
			selects: func(string) string { return `{"repository":"team/torch"}` },
			between: func(t *testing.T, w *world) { w.Push(t, w.Ann, "team/torch:2", "ubuntu", "new") }},
		{name: "no plan", header: "yesterday's", want: "412 ModelArts.6357", says: "not the id of a plan"},
		{name: "weak", header: `W/"%s"`, want: "412 ModelArts.6357"},
		{name: "of another deletion", header: strings.Repeat("0123456789-", 4) + "0123456789", want: "412 ModelArts.6357", says: "another deletion"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.register(t, "team/base:1", "ubuntu")
			body := selection(true, w.register(t, "team/torch:1", "ubuntu", "torch"))
			if tt.selects != nil {
				body = tt.selects("")
			}
			answer := w.Do(t, as("ann", "POST", "/easel/v1/plans", body))
			plan := decode[easel.Plan](t, answer)
			if !planID.MatchString(plan.ID) || answer.Header().Get("Etag") != `"`+plan.ID+`"` {
				t.Fatalf("the plan has the id %q and the entity tag %s", plan.ID, answer.Header().Get("Etag"))
			}
			if tt.between != nil {
				tt.between(t, w)
			}
			answer = w.Do(t, insisting(as("ann", "POST", "/easel/v1/deletions", body), strings.ReplaceAll(tt.header, "%s", plan.ID)))
			if tt.want != "" {
				if got := code(t, answer); got != tt.want || !strings.Contains(answer.Body.String(), tt.says) || !w.HasTag(t, "team/torch:1") {
					t.Errorf("%s, want %s that says %q and no change: %s", got, tt.want, tt.says, answer.Body)
				}
				return
			}
			if done := decode[easel.Receipt](t, answer); tt.header != "*" && done.Plan != plan.ID || !slices.Contains(done.Tags, "team/torch:1") {
				t.Errorf("the deletion did %s and took %q, planned was %s", done.Plan, done.Tags, plan.ID)
			}
		})
	}
}

// TestAllOrNone refuses a deletion of many because of one.
func TestAllOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	free, used := w.register(t, "team/a:free", "one"), w.register(t, "team/a:used", "two")
	w.use.tag = "used"
	if got := code(t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", selection(true, free, used)))); got != "400 ModelArts.6344" {
		t.Errorf("a deletion with an image in use = %s", got)
	}
	plan := decode[easel.Plan](t, w.Do(t, as("ann", "POST", "/easel/v1/plans", selection(true, free, used))))
	if len(plan.Blockers) != 1 || plan.Blockers[0].Kind != easel.BlockedByUse || plan.Blockers[0].Subject != used || len(plan.Tags) != 2 {
		t.Errorf("a plan with an image in use: blockers %+v, tags %q", plan.Blockers, plan.Tags)
	}
	if !w.HasTag(t, "team/a:free") {
		t.Error("the other image's tag went")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.register(t, "team/a:1", "one")
	layer := string(easel.DigestOf(easel.SHA256, []byte("one")))
	absent := "00000000-0000-7000-8000-000000000000"
	tooMany := make([]string, 1001)
	for i := range tooMany {
		tooMany[i] = fmt.Sprintf("%08d-0000-7000-8000-000000000000", i)
	}
	for _, tt := range []struct {
		name, who, method, path, body, want string
	}{
		{"nobody", "", "POST", "/easel/v1/plans", selection(true, mine), "401 ModelArts.0201"},
		{"a bad token", "x", "POST", "/easel/v1/plans", selection(true, mine), "401 ModelArts.0203"},
		{"a token without project", "unbound", "POST", "/easel/v1/plans", selection(true, mine), "401 ModelArts.0212"},
		{"another project of the domain", "cleo", "POST", "/easel/v1/plans", selection(true, mine), "404 ModelArts.6404"},
		{"another domain", "gus", "POST", "/easel/v1/deletions", selection(true, mine), "404 ModelArts.6404"},
		{"no right on the content", "ben", "POST", "/easel/v1/deletions", selection(true, mine), "403 ModelArts.0108"},
		{"an absent image", "ann", "POST", "/easel/v1/plans", selection(true, mine, absent), "404 ModelArts.6404"},
		{"an absent group", "ann", "POST", "/easel/v1/plans", `{"group":"` + absent + `"}`, "404 ModelArts.6404"},
		{"protection of an absent image", "ann", "POST", "/easel/v1/images/" + absent + "/protection", "", "404 ModelArts.6404"},
		{"protection by a stranger", "gus", "POST", "/easel/v1/images/" + mine + "/protection", "", "404 ModelArts.6404"},
		{"protection without right on the content", "ben", "POST", "/easel/v1/images/" + mine + "/protection", "", "403 ModelArts.0108"},
		{"patterns without a body", "ann", "PUT", "/easel/v1/organisations/team/immutable-tags", "", "400 ModelArts.6335"},
		{"patterns of no organisation", "ann", "GET", "/easel/v1/organisations/none/immutable-tags", "", "404 ModelArts.6404"},
		{"patterns of no name", "ann", "GET", "/easel/v1/repositories/team/A/immutable-tags", "", "400 ModelArts.0107"},
		{"too many patterns", "ann", "PUT", "/easel/v1/repositories/team/a/immutable-tags", `{"patterns":["a"` + strings.Repeat(`,"a"`, 20) + `]}`, "400 ModelArts.0107"},
		{"patterns by a stranger", "gus", "PUT", "/easel/v1/repositories/team/a/immutable-tags", `{"patterns":[]}`, "403 ModelArts.0108"},
		{"a window of minus one day", "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":-86400}`, "400 ModelArts.0107"},
		{"a window of a thousand years", "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":9223372036854775807}`, "400 ModelArts.0107"},
		{"no window", "ann", "PUT", "/easel/v1/organisations/team/undo", `{"budget_bytes":1}`, "400 ModelArts.6335"},
		{"a budget of less than nothing", "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":1,"budget_bytes":-1}`, "400 ModelArts.0107"},
		{"a budget above the disk", "ann", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":1,"budget_bytes":9223372036854775807}`, "400 ModelArts.0107"},
		{"an undo window by a user", "ben", "PUT", "/easel/v1/organisations/team/undo", `{"window_seconds":1}`, "403 ModelArts.0108"},
		{"an absent deletion to undo", "ann", "POST", "/easel/v1/trash/" + absent + "/restore", "", "404 ModelArts.6404"},
		{"restored under no tag", "ann", "POST", "/easel/v1/trash/" + absent + "/restore", `{"tag":"a b"}`, "400 ModelArts.0107"},
		{"trash of no organisation", "ann", "GET", "/easel/v1/trash?organisation=A", "", "400 ModelArts.0107"},
		{"trash from nowhere", "ann", "GET", "/easel/v1/trash?before=x", "", "400 ModelArts.0107"},
		{"trash for nobody", "", "GET", "/easel/v1/trash", "", "401 ModelArts.0201"},
		{"nothing named", "ann", "POST", "/easel/v1/plans", `{}`, "400 ModelArts.6335"},
		{"no body", "ann", "POST", "/easel/v1/plans", ``, "400 ModelArts.6335"},
		{"an unknown filter field", "ann", "POST", "/easel/v1/plans", `{"filter":{"colour":"red"}}`, "400 ModelArts.0107"},
		{"an empty filter", "ann", "POST", "/easel/v1/deletions", `{"filter":{}}`, "400 ModelArts.0107"},
		{"a filter of the wrong type", "ann", "POST", "/easel/v1/plans", `{"filter":[]}`, "400 ModelArts.0107"},
		{"a filter that matches nothing", "ann", "POST", "/easel/v1/deletions", `{"filter":{"name":"nothing"}}`, "404 ModelArts.6404"},
		{"a negative age", "ann", "POST", "/easel/v1/plans", `{"filter":{"older_than":"-1d"}}`, "400 ModelArts.0107"},
		{"an age without unit", "ann", "POST", "/easel/v1/plans", `{"filter":{"older_than":"7"}}`, "400 ModelArts.0107"},
		{"an age beyond all", "ann", "POST", "/easel/v1/plans", `{"filter":{"older_than":"2000000000w"}}`, "400 ModelArts.0107"},
		{"an unknown status", "ann", "POST", "/easel/v1/plans", `{"filter":{"status":"gone"}}`, "400 ModelArts.0107"},
		{"no workspace", "ann", "POST", "/easel/v1/plans", `{"filter":{"workspace_id":"a\u0000"}}`, "400 ModelArts.0104"},
		{"an unknown workspace", "ann", "POST", "/easel/v1/jobs", `{"filter":{"workspace_id":"` + strings.Repeat("a", 32) + `"}}`, "400 ModelArts.0102"},
		{"NUL in a filter", "ann", "POST", "/easel/v1/plans", `{"filter":{"name":"a\u0000"}}`, "400 ModelArts.0107"},
		{"a wildcard in a filter", "ann", "POST", "/easel/v1/deletions", `{"filter":{"name":"%"}}`, "404 ModelArts.6404"},
		{"a stranger's filter", "gus", "POST", "/easel/v1/deletions", `{"filter":{"name":"a"}}`, "404 ModelArts.6404"},
		{"no tag", "ann", "POST", "/easel/v1/plans", `{"tag":"team/a"}`, "400 ModelArts.0107"},
		{"no digest of a manifest", "ann", "POST", "/easel/v1/plans", `{"manifest":"team/a@sha256:0"}`, "400 ModelArts.0107"},
		{"an absent tag", "ann", "POST", "/easel/v1/plans", `{"tag":"team/a:absent"}`, "404 ModelArts.6404"},
		{"an absent repository", "ann", "POST", "/easel/v1/deletions", `{"repository":"team/absent"}`, "404 ModelArts.6404"},
		{"a repository without right", "ben", "POST", "/easel/v1/plans", `{"repository":"team/a"}`, "404 ModelArts.6404"},
		{"a stranger's repository", "gus", "POST", "/easel/v1/deletions", `{"repository":"team/a"}`, "404 ModelArts.6404"},
		{"a repository and a group", "ann", "POST", "/easel/v1/plans", `{"repository":"team/a","group":"` + absent + `"}`, "400 ModelArts.0107"},
		{"both named", "ann", "POST", "/easel/v1/plans", `{"images":["` + mine + `"],"group":"` + absent + `"}`, "400 ModelArts.0107"},
		{"named twice", "ann", "POST", "/easel/v1/deletions", selection(true, mine, mine), "400 ModelArts.0107"},
		{"too many", "ann", "POST", "/easel/v1/deletions", selection(true, tooMany...), "400 ModelArts.0107"},
		{"no JSON", "ann", "POST", "/easel/v1/plans", `{"images":`, "400 ModelArts.6400"},
		{"wrong type", "ann", "POST", "/easel/v1/plans", `{"images":"x"}`, "400 ModelArts.6332"},
		{"a job of a repository", "ann", "POST", "/easel/v1/jobs", `{"repository":"team/a"}`, "400 ModelArts.0107"},
		{"a job of a group", "ann", "POST", "/easel/v1/jobs", `{"group":"` + absent + `"}`, "400 ModelArts.0107"},
		{"a job of nothing", "ann", "POST", "/easel/v1/jobs", `{}`, "400 ModelArts.6335"},
		{"a job of too many", "ann", "POST", "/easel/v1/jobs", selection(true, tooMany...), "400 ModelArts.0107"},
		{"a job of an absent image", "ann", "POST", "/easel/v1/jobs", selection(true, mine, absent), "404 ModelArts.6404"},
		{"a job of another project", "cleo", "POST", "/easel/v1/jobs", selection(true, mine), "404 ModelArts.6404"},
		{"an absent job", "ann", "GET", "/easel/v1/jobs/" + absent, "", "404 ModelArts.6404"},
		{"an absent job's events", "ann", "GET", "/easel/v1/jobs/x%00y/events", "", "404 ModelArts.6404"},
		{"pausing an absent job", "ann", "POST", "/easel/v1/jobs/" + absent + "/pause", "", "404 ModelArts.6404"},
		{"jobs without project", "unbound", "GET", "/easel/v1/jobs", "", "401 ModelArts.0212"},
		{"jobs to nobody", "", "GET", "/easel/v1/jobs", "", "401 ModelArts.0201"},
		{"jobs before nothing", "ann", "GET", "/easel/v1/jobs?before=x", "", "400 ModelArts.0107"},
		{"too long a page of jobs", "ann", "GET", "/easel/v1/jobs?limit=501", "", "400 ModelArts.0107"},
		{"an absent receipt", "ann", "GET", "/easel/v1/receipts/" + absent, "", "404 ModelArts.6404"},
		{"the key of receipts, to nobody", "", "GET", "/easel/v1/receipts/key", "", "401 ModelArts.0201"},
		{"audit for users", "ben", "GET", "/easel/v1/audit", "", "403 ModelArts.0108"},
		{"check for users", "ben", "POST", "/easel/v1/check", `{}`, "403 ModelArts.0108"},
		{"reclaim for users", "ben", "POST", "/easel/v1/reclaim", ``, "403 ModelArts.0108"},
		{"what keeps a blob, to nobody", "", "GET", "/easel/v1/blobs/" + layer + "/why", "", "401 ModelArts.0201"},
		{"what keeps a blob, without right", "ben", "GET", "/easel/v1/blobs/" + layer + "/why", "", "404 ModelArts.6404"},
		{"what keeps a stranger's blob", "gus", "GET", "/easel/v1/blobs/" + layer + "/why", "", "404 ModelArts.6404"},
		{"no digest", "ann", "GET", "/easel/v1/blobs/sha256:0/why", "", "400 ModelArts.0107"},
		{"blobs without right", "ben", "GET", "/easel/v1/blobs?image=team/a:1", "", "404 ModelArts.6404"},
		{"blobs of no image", "ann", "GET", "/easel/v1/blobs", "", "400 ModelArts.0107"},
		{"blobs of another registry", "ann", "GET", "/easel/v1/blobs?image=other.test/team/a:1", "", "400 ModelArts.0107"},
		{"the audit head for users", "ben", "GET", "/easel/v1/audit/head", "", "403 ModelArts.0108"},
		{"verifying for users", "ben", "GET", "/easel/v1/audit/verify", "", "403 ModelArts.0108"},
		{"verifying from an absent record", "ann", "GET", "/easel/v1/audit/verify?from=" + absent, "", "404 ModelArts.6404"},
		{"verifying from nowhere", "ann", "GET", "/easel/v1/audit/verify?from=0", "", "400 ModelArts.0107"},
		{"a head that is none", "ann", "GET", "/easel/v1/audit/verify?head=1:abc", "", "400 ModelArts.0107"},
		{"hooks, to nobody", "", "GET", "/easel/v1/hooks", "", "401 ModelArts.0201"},
		{"a hook of the domain for users", "ben", "POST", "/easel/v1/hooks", `{"url":"https://sink.example.com/"}`, "403 ModelArts.0108"},
		{"a hook without address", "ann", "POST", "/easel/v1/hooks", `{}`, "400 ModelArts.6335"},
		{"a hook of no organisation", "ann", "POST", "/easel/v1/hooks", `{"url":"https://sink.example.com/","organisation":"A B"}`, "400 ModelArts.0107"},
		{"a hook at a private address", "ann", "POST", "/easel/v1/hooks", `{"url":"http://169.254.169.254/latest"}`, "400 ModelArts.0107"},
		{"an absent hook", "ann", "GET", "/easel/v1/hooks/0123456789abcdef0123456789abcdef", "", "404 ModelArts.6404"},
		{"a hook of no id", "ann", "GET", "/easel/v1/hooks/%00", "", "404 ModelArts.6404"},
		{"a change of nothing", "ann", "PATCH", "/easel/v1/hooks/0123456789abcdef0123456789abcdef", `{}`, "400 ModelArts.6335"},
		{"deliveries in no state", "ann", "GET", "/easel/v1/hooks/x/deliveries?state=lost", "", "400 ModelArts.0107"},
		{"robots for nobody", "", "GET", "/easel/v1/robots", "", "401 ModelArts.0201"},
		{"robots for a robot", "robot", "GET", "/easel/v1/robots", "", "403 ModelArts.0108"},
		{"a robot of a robot", "robot", "POST", "/easel/v1/robots", robotBody(`"pull"`, ""), "403 ModelArts.0108"},
		{"another user's robot", "ben", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"user_id":"`+w.Ann.UserID+`"`), "403 ModelArts.0108"},
		{"another domain's robot", "gus", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"user_id":"`+w.Ann.UserID+`"`), "403 ModelArts.0108"},
		{"a robot of nobody", "ann", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"user_id":"x"`), "403 ModelArts.0108"},
		{"a robot without a name", "ann", "POST", "/easel/v1/robots", `{"repositories":["*"],"actions":["pull"]}`, "400 ModelArts.0107"},
		{"a robot with a NUL in its name", "ann", "POST", "/easel/v1/robots", `{"name":"a\u0000","repositories":["*"],"actions":["pull"]}`, "400 ModelArts.0107"},
		{"a robot for nothing", "ann", "POST", "/easel/v1/robots", `{"name":"a","actions":["pull"]}`, "400 ModelArts.0107"},
		{"a robot that does nothing", "ann", "POST", "/easel/v1/robots", robotBody("", ""), "400 ModelArts.0107"},
		{"a robot that administers", "ann", "POST", "/easel/v1/robots", robotBody(`"admin"`, ""), "400 ModelArts.0107"},
		{"a robot from nowhere", "ann", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"networks":["10.0.0.0/33"]`), "400 ModelArts.0107"},
		{"a robot of yesterday", "ann", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"expires_at":"2025-01-01T00:00:00Z"`), "400 ModelArts.0107"},
		{"a robot until no time", "ann", "POST", "/easel/v1/robots", robotBody(`"pull"`, `,"expires_at":"soon"`), "400 ModelArts.6400"},
		{"the end of no robot", "ann", "DELETE", "/easel/v1/robots/NOSUCHKEY", "", "404 ModelArts.6404"},
		{"bad limit", "ann", "GET", "/easel/v1/audit?limit=0", "", "400 ModelArts.0107"},
		{"bad time", "ann", "GET", "/easel/v1/audit?since=yesterday", "", "400 ModelArts.0107"},
		{"bad position", "ann", "GET", "/easel/v1/audit?before=x", "", "400 ModelArts.0107"},
		{"wrong method", "ann", "GET", "/easel/v1/plans", "", "405 ModelArts.2803"},
		{"unknown path", "ann", "GET", "/easel/v1/nothing", "", "404 ModelArts.4204"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := code(t, w.Do(t, as(tt.who, tt.method, tt.path, tt.body))); got != tt.want {
				t.Errorf("%s %s as %s = %s, want %s", tt.method, tt.path, tt.who, got, tt.want)
			}
		})
	}
	if !w.HasTag(t, "team/a:1") {
		t.Error("a refused deletion took the tag")
	}
}

func robotBody(action, more string) string {
	return `{"name":"ci","repositories":["*"],"actions":[` + action + `]` + more + `}`
}

// TestReceiptsStayInTheDomain asks for a receipt from outside.
func TestReceiptsStayInTheDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.register(t, "team/a:1", "one")
	done := decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", selection(true, id))))
	if got := code(t, w.Do(t, as("gus", "GET", "/easel/v1/receipts/"+done.ID, ""))); got != "404 ModelArts.6404" {
		t.Errorf("a stranger's look at the receipt = %s", got)
	}
	audit := w.Do(t, as("gus", "GET", "/easel/v1/audit", ""))
	if strings.Contains(audit.Body.String(), "team/a") || strings.Contains(audit.Body.String(), done.ID) {
		t.Errorf("another domain's audit trail tells about it: %s", audit.Body)
	}
}

// TestReceiptProves verifies a receipt as somebody would who has only the key
// and what the server sent.
func TestReceiptProves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.register(t, "team/a:1", "one")
	done := decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", selection(true, id))))
	proof := decode[struct {
		Receipt           easel.Receipt
		Signed, Signature []byte
		Key               string `json:"key_id"`
	}](t, w.Do(t, as("ann", "GET", "/easel/v1/receipts/"+done.ID, "")))
	sent := decode[struct {
		PEM string
		Key string `json:"key_id"`
	}](t, w.Do(t, as("ann", "GET", "/easel/v1/receipts/key", "")))
	block, _ := pem.Decode([]byte(sent.PEM))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || sent.Key != proof.Key {
		t.Fatalf("the key %s, for a receipt signed by %s: %v", sent.Key, proof.Key, err)
	}
	if !ed25519.Verify(parsed.(ed25519.PublicKey), proof.Signed, proof.Signature) {
		t.Error("the signature is not good")
	}
	var signed easel.Receipt
	if err := json.Unmarshal(proof.Signed, &signed); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]easel.Receipt{"the receipt beside it": proof.Receipt, "the deletion's answer": done} {
		if diff := cmp.Diff(signed, r); diff != "" {
			t.Errorf("%s is not what was signed (-signed +it):\n%s", name, diff)
		}
	}
	if signed.Actor != "ann" || signed.Domain != "acme" || signed.Action != "deleteNotebookImage" || len(signed.Blobs) == 0 {
		t.Errorf("the receipt does not tell who did what: %+v", signed)
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 5 {
		w.register(t, fmt.Sprintf("team/a:%d", n), "one")
	}
	type page struct {
		Records []struct{ ID, Action, Actor string }
		Next    string
	}
	whole := decode[page](t, w.Do(t, as("ann", "GET", "/easel/v1/audit?action=createNotebookImage", "")))
	if len(whole.Records) != 5 || whole.Next != "" {
		t.Fatalf("%d records, next %q; want 5 and no more", len(whole.Records), whole.Next)
	}
	var paged page
	for before := ""; ; before = paged.Next {
		p := decode[page](t, w.Do(t, as("ann", "GET", "/easel/v1/audit?action=createNotebookImage&limit=2&before="+before, "")))
		paged.Records, paged.Next = append(paged.Records, p.Records...), p.Next
		if p.Next == "" {
			break
		}
	}
	if diff := cmp.Diff(whole.Records, paged.Records); diff != "" {
		t.Errorf("in pages of two (-whole +paged):\n%s", diff)
	}
	for query, want := range map[string]int{
		"actor=ann&action=createNotebookImage": 5, "actor=ben": 0, "since=2026-01-03T00:00:00Z": 0, "since=2026-01-01T00:00:00Z&action=createNotebookImage": 5,
	} {
		if got := decode[page](t, w.Do(t, as("ann", "GET", "/easel/v1/audit?"+query, ""))); len(got.Records) != want {
			t.Errorf("audit?%s has %d records, want %d", query, len(got.Records), want)
		}
	}
}

// TestCheckFinds registers content whose objects were never written.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if report := decode[registry.Report](t, w.Do(t, as("ann", "POST", "/easel/v1/check", ""))); len(report.Findings) != 0 {
		t.Errorf("an empty store has findings: %+v", report.Findings)
	}
	w.Push(t, w.Ann, "team/a:1", "one")
	report := decode[registry.Report](t, w.Do(t, as("ann", "POST", "/easel/v1/check", `{"repair":true}`)))
	if len(report.Findings) != 2 || !report.Findings[0].Repaired {
		t.Errorf("findings = %+v, want config and layer, repaired", report.Findings)
	}
	if report = decode[registry.Report](t, w.Do(t, as("ann", "POST", "/easel/v1/check", ""))); len(report.Findings) != 0 {
		t.Errorf("after the repair: %+v", report.Findings)
	}
}
