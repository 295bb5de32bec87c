package easelapi_test

import (
	"encoding/json"
	"testing"

	"easel"
)

// retentionExchanges are the exchanges about retention.
func retentionExchanges(t *testing.T, w *world) {
	t.Helper()
	for _, tag := range []string{"1", "2", "3", "release-1"} {
		w.Push(t, w.Ann, "team/nightly:"+tag, "ubuntu", "nightly "+tag)
	}
	const rule = `{"template":"tag_rule","params":{"num":"1"},"tag_selectors":[{"kind":"regexp","pattern":"^release-"}]}`
	w.Golden(t, "retention-preview", as("ann", "POST", "/easel/v1/retention/preview", `{"repository":"team/nightly","rule":`+rule+`}`))
	var parsed easel.RetentionRule
	if err := json.Unmarshal([]byte(rule), &parsed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.AddRetention(t.Context(), w.Ann, "team/nightly", parsed); err != nil {
		t.Fatal(err)
	}
	w.Push(t, w.Ann, "team/nightly:4", "ubuntu", "nightly 4")
	w.Golden(t, "retention",
		as("ann", "GET", "/easel/v1/retention", ""),
		as("ann", "POST", "/easel/v1/retention/preview", `{"repository":"team/nightly"}`),
		as("ann", "POST", "/easel/v1/retention/run", `{"repository":"team/nightly"}`),
	)
}

// quotaExchanges are the exchanges about quotas.
func quotaExchanges(t *testing.T, w *world) {
	t.Helper()
	w.Golden(t, "quotas",
		as("ann", "PATCH", "/easel/v1/quotas/domains/"+w.Ann.DomainName, `{"organisations":50}`),
		as("ann", "PATCH", "/easel/v1/quotas/organisations/team", `{"repositories":20,"bytes":1048576}`),
		as("ann", "PATCH", "/easel/v1/quotas/projects/"+w.Ann.ProjectID, `{"images":100}`),
		as("ann", "GET", "/easel/v1/quotas", ""),
	)
}
