package attack

import (
	"net/http"
	"testing"

	"easel"
)

// TestInsist deletes by every route with a plan that has become stale, and
// then with one that has not.
func TestInsist(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, target, plan string // $IMAGE, $DIGEST; plan: the body that plans it
		deleted            int
	}{
		{"image", "/v1/" + acmeOne + "/images/$IMAGE?force=true", `{"images":["$IMAGE"],"force":true}`, http.StatusOK},
		{"group", "/v1/" + acmeOne + "/images/group/$GROUP?force=true", `{"group":"$GROUP","force":true}`, http.StatusOK},
		{"tag of SWR", "/v2/manage/namespaces/team/repos/app/tags/v1", `{"tag":"team/app:v1"}`, http.StatusNoContent},
		{"repository of SWR", "/v2/manage/namespaces/team/repos/app", `{"repository":"team/app"}`, http.StatusNoContent},
		{"tag of the registry", "/v2/team/app/manifests/v1", `{"tag":"team/app:v1"}`, http.StatusAccepted},
		{"manifest of the registry", "/v2/team/app/manifests/$DIGEST", `{"manifest":"team/app@$DIGEST"}`, http.StatusAccepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := start(t)
			digest := in.push(t, "ann", "team/app", "v1", "configuration", "layer")
			image := in.register(t, "ann", "team/app:v1")
			fill := func(s string) string {
				return variable.ReplaceAllStringFunc(s, func(name string) string {
					return map[string]string{"$IMAGE": image, "$DIGEST": digest, "$GROUP": easel.GroupID(acmeOne, "0", "team", "app")}[name]
				})
			}
			remove := func(plan string) answer {
				r := request{"DELETE", fill(tt.target), map[string]string{"X-Auth-Token": in.token(t, "ann", ""), "If-Match": `"` + plan + `"`}, ""}
				if tt.deleted == http.StatusAccepted {
					r.header["Authorization"] = in.bearer(t, "ann", "repository:team/app:pull,push,delete")
				}
				return in.send(t, r)
			}
			plan := func() string {
				return field[string](t, in.iam(t, "ann", "POST", "/easel/v1/plans", fill(tt.plan)).want(t, "plan", http.StatusOK), "id")
			}
			stale := plan()
			in.push(t, "ann", "team/other", "v1", "another configuration", "layer") // the layer is shared now
			before := in.stored(t)
			remove(stale).want(t, "delete with a stale plan", http.StatusPreconditionFailed)
			in.oci(t, "ann", "GET", "team/app", "/tags/list", "").want(t, "list tags afterwards", http.StatusOK) // to find a manifest would pin it
			if n := in.stored(t); n != before {
				t.Errorf("%d bytes are stored, want %d as before", n, before)
			}
			done := remove(plan()).want(t, "delete with a new plan", tt.deleted)
			if n := before - in.stored(t); n != freed(t, done) || n != int64(len("configuration")) {
				t.Errorf("%d bytes came back, said %d", n, freed(t, done))
			}
			receipt := in.iam(t, "ann", "GET", "/easel/v1/receipts/"+done.header.Get("X-Easel-Receipt"), "").want(t, "receipt", http.StatusOK)
			if n := field[struct {
				Freed int64 `json:"bytes_freed"`
			}](t, receipt, "receipt").Freed; n != freed(t, done) {
				t.Errorf("the receipt says %d, the answer %d", n, freed(t, done))
			}
			in.sound(t)
		})
	}
}
