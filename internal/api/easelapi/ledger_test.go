package easelapi_test

import (
	"testing"

	"easel"
)

func ledgerExchanges(t *testing.T, w *world) {
	t.Helper()
	w.Golden(t, "use", as("ann", "GET", "/easel/v1/use?image=team/base:1", ""), as("gus", "GET", "/easel/v1/use?image=team/base:1", ""))
	w.Golden(t, "ledger",
		as("ann", "GET", "/easel/v1/ledger?depth=2", ""),
		as("ann", "GET", "/easel/v1/ledger?by=project", ""),
		as("ann", "GET", "/easel/v1/ledger?scope=team/multi&depth=1", ""),
		as("ann", "GET", "/easel/v1/ledger?scope=team/base:1", ""),
		as("ben", "GET", "/easel/v1/ledger", ""),
		as("ben", "GET", "/easel/v1/ledger?scope=team", ""),
		as("gus", "GET", "/easel/v1/ledger?by=user", ""),
	)
}

func leftBehindExchanges(t *testing.T, w *world) {
	t.Helper()
	old := w.register(t, "team/kept:1", "ubuntu", "kept")
	decode[easel.Receipt](t, w.Do(t, as("ann", "POST", "/easel/v1/deletions", selection(false, old))))
	w.Push(t, w.Ann, "team/moved:1", "before")
	w.Push(t, w.Ann, "team/moved:1", "after that")
	w.Golden(t, "left_behind",
		as("ann", "GET", "/easel/v1/left-behind", ""),
		as("ann", "GET", "/easel/v1/left-behind?untagged=false&organisation=team", ""),
		as("ben", "GET", "/easel/v1/left-behind", ""),
		as("gus", "POST", "/easel/v1/reclaim", `{"untagged":true,"unregistered":true,"organisation":"team"}`),
		as("ann", "POST", "/easel/v1/reclaim", `{"untagged":true,"unregistered":true}`),
		as("ann", "GET", "/easel/v1/left-behind", ""),
	)
	freeExchanges(t, w)
}

func freeExchanges(t *testing.T, w *world) {
	t.Helper()
	w.register(t, "team/idle:1", "idle for a long time")
	found := w.Do(t, as("ann", "GET", "/easel/v1/free?bytes=1", ""))
	plan := decode[struct {
		ID string `json:"plan_id"`
	}](t, found).ID
	insist := as("ann", "POST", "/easel/v1/free", `{"bytes":1}`)
	insist.Header.Set("If-Match", `"`+plan+`"`)
	other := as("ann", "POST", "/easel/v1/free", `{"bytes":1000000}`)
	other.Header.Set("If-Match", `"`+plan+`"`)
	w.Golden(t, "free",
		as("ann", "GET", "/easel/v1/free?bytes=1", ""),
		as("ben", "GET", "/easel/v1/free?bytes=1", ""),
		other, insist,
		as("ann", "POST", "/easel/v1/free", `{"bytes":1}`),
	)
}

func TestLedgerRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Push(t, w.Ann, "team/a:1", "one")
	for _, tt := range []struct{ name, who, method, path, body, want string }{
		{"a ledger by color", "ann", "GET", "/easel/v1/ledger?by=color", "", "400 ModelArts.0107"},
		{"a ledger too deep", "ann", "GET", "/easel/v1/ledger?depth=4", "", "400 ModelArts.0107"},
		{"a ledger of a strange name", "ann", "GET", "/easel/v1/ledger?scope=%00", "", "400 ModelArts.0107"},
		{"an organisation by user", "ann", "GET", "/easel/v1/ledger?scope=team&by=user", "", "400 ModelArts.0107"},
		{"use of another registry's image", "ann", "GET", "/easel/v1/use?image=docker.io/team/a:1", "", "400 ModelArts.0107"},
		{"room of no size", "ann", "GET", "/easel/v1/free", "", "400 ModelArts.0107"},
		{"room of a negative size", "ann", "GET", "/easel/v1/free?bytes=-1", "", "400 ModelArts.0107"},
		{"room that no number holds", "ann", "GET", "/easel/v1/free?bytes=99999999999999999999", "", "400 ModelArts.0107"},
		{"free of nothing", "ann", "POST", "/easel/v1/free", `{}`, "400 ModelArts.6335"},
		{"free without a plan", "ann", "POST", "/easel/v1/free", `{"bytes":1}`, "400 ModelArts.0107"},
		{"free without a project", "unbound", "GET", "/easel/v1/free?bytes=1", "", "401 ModelArts.0212"},
		{"left behind maybe", "ann", "GET", "/easel/v1/left-behind?untagged=maybe", "", "400 ModelArts.0107"},
		{"left behind in a strange name", "ann", "GET", "/easel/v1/left-behind?organisation=%00", "", "400 ModelArts.0107"},
		{"reclaim of an organisation without a kind", "ann", "POST", "/easel/v1/reclaim", `{"organisation":"team"}`, "400 ModelArts.0107"},
		{"the ledger of an absent tag", "ann", "GET", "/easel/v1/ledger?scope=team/a:none", "", "404 ModelArts.6404"},
	} {
		if got := code(t, w.Do(t, as(tt.who, tt.method, tt.path, tt.body))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
