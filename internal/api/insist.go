package api

import (
	"context"
	"net/http"
	"strings"

	"easel"
)

// Insisting returns the context of a request that deletes: with the plans
// that its If-Match header insists on (RFC 9110, 13.1.1), if it has one. A plan
// may stand there with or without quotes. "*" insists on nothing that the
// deletion itself does not; a weak tag matches nothing.
func Insisting(r *http.Request) context.Context {
	var plans []string
	for tag := range strings.SplitSeq(strings.Join(r.Header.Values("If-Match"), ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return r.Context()
		}
		if tag != "" {
			plans = append(plans, strings.Trim(tag, `"`))
		}
	}
	if len(plans) == 0 {
		return r.Context()
	}
	return easel.WithInsisted(r.Context(), plans...)
}
