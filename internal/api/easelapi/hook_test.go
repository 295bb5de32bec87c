package easelapi_test

import (
	"net/http/httptest"
	"testing"
)

// hooks plays the exchanges of hooks.
func (w *world) hooks(t *testing.T) {
	t.Helper()
	w.Replace(`whsec_[A-Za-z0-9+/]+=*`, "<secret>")
	made := w.Golden(t, "hook_create",
		as("ann", "POST", "/easel/v1/hooks", `{"url":"https://sink.example.com/easel","organisation":"team","events":["push","delete"]}`),
	)[0]
	id := made201(t, made)
	w.Golden(t, "hook",
		as("ann", "GET", "/easel/v1/hooks", ""),
		as("ann", "GET", "/easel/v1/hooks/"+id, ""),
		as("ann", "POST", "/easel/v1/hooks/"+id+"/test", ""),
		as("ann", "PATCH", "/easel/v1/hooks/"+id, `{"active":false}`),
		as("ann", "POST", "/easel/v1/hooks/"+id+"/test", ""),
		as("ann", "POST", "/easel/v1/hooks/"+id+"/retry", ""),
	)
	if _, err := w.DB.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Golden(t, "hook_deliveries",
		as("ann", "PATCH", "/easel/v1/hooks/"+id, `{"active":true}`),
		as("ann", "POST", "/easel/v1/hooks/"+id+"/test", ""),
	)
	if _, err := w.DB.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Golden(t, "hook_delivered",
		as("ann", "GET", "/easel/v1/hooks/"+id+"/deliveries?limit=1", ""),
		as("gus", "DELETE", "/easel/v1/hooks/"+id, ""),
		as("ann", "DELETE", "/easel/v1/hooks/"+id, ""),
		as("ann", "GET", "/easel/v1/hooks", ""),
	)
}

// made201 returns the id in the answer that made something.
func made201(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	w.Code = 200 // decode wants it
	return decode[struct{ ID, Secret string }](t, w).ID
}
