package apitest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// route matches the escaped paths of one path item. A path parameter matches
// one segment; one that the document marks with "x-slashes: true" matches
// several.
type route struct {
	path   string
	item   *openapi3.PathItem
	match  *regexp.Regexp
	params []string
}

var wildcard = regexp.MustCompile(`\{([^}]+)\}`)

// routes returns a matcher per path, the most literal paths first.
func routes(d *openapi3.T) []route {
	var all []route
	for path, item := range d.Paths.Map() {
		rt := route{path: path, item: item}
		expr, last := "^", 0
		for _, m := range wildcard.FindAllStringSubmatchIndex(path, -1) {
			name := path[m[2]:m[3]]
			rt.params = append(rt.params, name)
			group := `([^/]+)`
			if slashes(item, name) {
				group = `(.+)`
			}
			expr += regexp.QuoteMeta(path[last:m[0]]) + group
			last = m[1]
		}
		rt.match = regexp.MustCompile(expr + regexp.QuoteMeta(path[last:]) + "$")
		all = append(all, rt)
	}
	slices.SortFunc(all, func(a, b route) int {
		return cmp.Or(cmp.Compare(len(a.params), len(b.params)), cmp.Compare(len(b.path), len(a.path)), strings.Compare(a.path, b.path))
	})
	return all
}

func slashes(item *openapi3.PathItem, name string) bool {
	params := item.Parameters
	for _, op := range item.Operations() {
		params = append(slices.Clone(params), op.Parameters...)
	}
	return slices.ContainsFunc(params, func(p *openapi3.ParameterRef) bool {
		return p.Value != nil && p.Value.In == "path" && p.Value.Name == name && p.Value.Extensions["x-slashes"] == true
	})
}

// find returns the operation for req; nil when the document has none.
func (r *Recorder) find(req *http.Request) (*routers.Route, map[string]string) {
	for _, rt := range r.routes {
		m := rt.match.FindStringSubmatch(req.URL.EscapedPath())
		op := rt.item.Operations()[req.Method]
		if m == nil || op == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range rt.params {
			params[name], _ = url.PathUnescape(m[i+1])
		}
		return &routers.Route{Spec: r.doc, Path: rt.path, PathItem: rt.item, Method: req.Method, Operation: op}, params
	}
	return nil, nil
}

func (r *Recorder) check(req *http.Request, body []byte, w *httptest.ResponseRecorder) error {
	rt, params := r.find(req)
	if rt == nil {
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			return errors.New("the document does not have this operation, so the answer must be 404 or 405")
		}
		return nil
	}
	ctx := context.Background()
	copied := req.Clone(ctx)
	copied.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, QueryParams: req.URL.Query(), Route: rt,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
			SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
		},
	}
	if w.Code < 400 {
		r.mu.Lock()
		r.seen[rt.Method+" "+rt.Path] = true
		r.mu.Unlock()
		if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
			return fmt.Errorf("a success for a request that the document does not allow: %w", err)
		}
	}
	return checkResponse(ctx, in, w)
}

func checkResponse(ctx context.Context, in *openapi3filter.RequestValidationInput, w *httptest.ResponseRecorder) error {
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options}
	out.SetBodyBytes(w.Body.Bytes())
	options := *in.Options
	options.ExcludeResponseBody = w.Header().Get("Content-Type") == "text/event-stream" // it has no schema
	out.Options = &options
	if err := openapi3filter.ValidateResponse(ctx, out); err != nil {
		return fmt.Errorf("the response is not as documented: %w", err)
	}
	responses := in.Route.Operation.Responses
	ref := responses.Status(w.Code)
	if ref == nil {
		ref = responses.Default()
	}
	if w.Body.Len() > 0 && ref != nil && ref.Value != nil && len(ref.Value.Content) == 0 {
		return errors.New("the document gives this response no body")
	}
	return nil
}
