package easelapi_test

import "testing"

func ledgerExchanges(t *testing.T, w *world) {
	t.Helper()
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

func TestLedgerRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Push(t, w.Ann, "team/a:1", "one")
	for _, tt := range []struct{ name, who, method, path, body, want string }{
		{"a ledger by color", "ann", "GET", "/easel/v1/ledger?by=color", "", "400 ModelArts.0107"},
		{"a ledger too deep", "ann", "GET", "/easel/v1/ledger?depth=4", "", "400 ModelArts.0107"},
		{"a ledger of a strange name", "ann", "GET", "/easel/v1/ledger?scope=%00", "", "400 ModelArts.0107"},
		{"an organisation by user", "ann", "GET", "/easel/v1/ledger?scope=team&by=user", "", "400 ModelArts.0107"},
		{"the ledger of an absent tag", "ann", "GET", "/easel/v1/ledger?scope=team/a:none", "", "404 ModelArts.6404"},
	} {
		if got := code(t, w.Do(t, as(tt.who, tt.method, tt.path, tt.body))); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
