package hook

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/catalog"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// due is a delivery of a record to a hook of org.
func due(typ string, org easel.Org, r catalog.AuditRecord) catalog.DueDelivery {
	r.ID, r.At, r.Domain, r.Project, r.Actor, r.ActorName, r.RequestID, r.Seq = "01a20993-fba6-7557-9f78-87f3e5ab0000", noon, "d1", "p1", "u1", "ann", "r1", 42
	return catalog.DueDelivery{Delivery: catalog.Delivery{Event: r.ID, Type: typ}, Hook: catalog.Hook{ID: "h", Org: org, URL: "http://127.0.0.1/"}, Record: r}
}

// TestBodies compares events with testdata: their form is a promise.
func TestBodies(t *testing.T) {
	t.Parallel()
	receipt := &easel.Receipt{ID: "01a20993-fba6-7557-9f78-87f3e5ab0000", Tags: []string{"team/a:1", "rest/b:1"}, Freed: 10, Shared: 5, Pinned: 1,
		Manifests: []string{"team/a@sha256:aa", "rest/b@sha256:bb"},
		Images:    []easel.ReceiptItem{{ID: "i1", Path: "easel.test/team/a:1"}, {ID: "i2", Path: "easel.test/rest/b:1"}}}
	for name, d := range map[string]catalog.DueDelivery{
		"push": due("push", "", catalog.AuditRecord{Action: "pushManifest", Resource: "team/a:1", Bytes: 7,
			About: &catalog.About{Repo: "team/a", Tags: []easel.Tag{"1", "latest"}, Digest: "sha256:aa"}}),
		"register": due("register", "team", catalog.AuditRecord{Action: "createNotebookImage", Resource: "i1",
			About: &catalog.About{Repo: "team/a", Tags: []easel.Tag{"1"}}}),
		"delete":      due("delete", "", catalog.AuditRecord{Action: "deleteNotebookImage", Resource: "i1", Bytes: 10, Receipt: receipt}),
		"delete_team": due("delete", "team", catalog.AuditRecord{Action: "deleteNotebookImage", Resource: "i1", Bytes: 10, Receipt: receipt}),
		"test":        due("test", "", catalog.AuditRecord{Action: "testHook", Resource: "h"}),
	} {
		text, err := body(d)
		if err != nil {
			t.Fatal(err)
		}
		var pretty strings.Builder
		e := json.NewEncoder(&pretty)
		e.SetIndent("", "  ")
		if err := e.Encode(json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
		apitest.Golden(t, name+".json", pretty.String())
		if d.Hook.Org == "team" && strings.Contains(string(text), "rest/") {
			t.Errorf("%s tells of another organisation", name)
		}
	}
}

// TestSignature signs the example of the Standard Webhooks specification.
func TestSignature(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	err := sign(h, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		status, tries  int
		age            time.Duration
		state          int
		atLeast, below time.Duration
	}{
		{"taken", 204, 0, 0, catalog.Delivered, 0, 1},
		{"taken late", 200, 30, giveUp, catalog.Delivered, 0, 1},
		{"redirected", 302, 0, 0, catalog.Waiting, firstWait / 2, firstWait * 3 / 2},
		{"refused", 400, 1, 0, catalog.Waiting, firstWait, firstWait * 3},
		{"no answer", 0, 3, 0, catalog.Waiting, firstWait * 4, firstWait * 12},
		{"after many tries", 500, 1000, time.Hour, catalog.Waiting, longWait / 2, longWait * 3 / 2},
		{"after a day", 500, 12, giveUp, catalog.GivenUp, 0, 1},
	} {
		for range 20 {
			o := outcome(tt.status, "", tt.tries, tt.age)
			if o.State != tt.state || o.Wait < tt.atLeast || o.Wait >= tt.below {
				t.Errorf("%s: %+v, want state %d and a wait from %v to %v", tt.name, o, tt.state, tt.atLeast, tt.below)
			}
		}
	}
}
