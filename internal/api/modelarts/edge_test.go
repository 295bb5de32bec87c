package modelarts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"easel"
	"easel/internal/api"
	"easel/internal/api/apitest"
	"easel/internal/api/modelarts"
	"easel/internal/blob"
	"easel/internal/registry"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

// one is the path below which the images of AcmeOne are.
const one = "/v1/" + imagetest.AcmeOne + "/images"

// host is the registry host of the requests that httptest makes.
const host = "example.com"

// server is the image API over a real catalogue on SQLite.
type server struct {
	*imagetest.World
	*apitest.Recorder
	handler http.Handler
	use     *use
}

// use is what needs images: those whose tag it is.
type use struct{ tag easel.Tag }

func (u *use) ImagesInUse(_ context.Context, images []easel.Image) error {
	for _, i := range images {
		if i.Tag == u.tag {
			return easel.E(easel.InUse, "image", "the notebook nb-1 needs image %s", i.ID)
		}
	}
	return nil
}

func newServer(t *testing.T, o modelarts.Options) *server {
	t.Helper()
	s := &server{World: imagetest.New(t, imagetest.SQLite(t)), use: &use{}}
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	images := workbench.New(workbench.Options{
		Catalog:      s.DB,
		Registry:     registry.New(registry.Options{Catalog: s.DB, Blobs: store}),
		InUse:        []workbench.InUse{s.use},
		MaxImageSize: 100,
		Port:         8580,
		Hosts:        []string{"alias.test"},
	})
	mux := modelarts.New(images, tokens{s.World}, o)
	s.handler = api.Serve(mux, api.ServeOptions{})
	s.Recorder = apitest.New(t, s.handler, modelarts.OpenAPI)
	return s
}

// Serve answers a request that the document does not describe.
func (s *server) Serve(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// tokens knows the inhabitants by name, and the ways in which a credential can fail.
type tokens struct{ *imagetest.World }

func (a tokens) Authenticate(r *http.Request) (easel.Principal, error) {
	unbound := a.Ann
	unbound.ProjectID = ""
	who, known := map[string]easel.Principal{"ann": a.Ann, "ben": a.Ben, "cleo": a.Cleo, "gus": a.Gus, "unbound": unbound, "nobody": {}}[r.Header.Get("X-Auth-Token")]
	if known {
		return who, nil
	}
	noun := easel.Noun(r.Header.Get("X-Auth-Token"))
	if r.Header.Get("Authorization") == "signed by ann" {
		switch r.Header.Get("X-Project-Id") {
		case "", imagetest.AcmeOne:
			return a.Ann, nil
		case imagetest.AcmeTwo:
			who := a.Ann
			who.ProjectID = imagetest.AcmeTwo
			return who, nil
		}
		return easel.Principal{}, easel.E(easel.Denied, "project", "the project is not the caller's")
	}
	if noun == "" {
		noun = "credential"
	}
	return easel.Principal{}, easel.E(easel.Unauthenticated, noun, "not accepted")
}

// request is apitest.Request by ann.
func request(method, target, body string) *http.Request {
	return requestBy("ann", method, target, body)
}

func requestBy(who, method, target, body string) *http.Request {
	return apitest.Request(method, target, body, "X-Auth-Token", who)
}

// register registers "organisation/name:tag" in AcmeOne with further fields
// of the body and returns the id.
func (s *server) register(t *testing.T, image string, fields ...string) string {
	t.Helper()
	body := `{"swr_path":"` + host + "/" + image + `"`
	for _, f := range fields {
		body += "," + f
	}
	w := s.Do(t, request("POST", one, body+"}"))
	if w.Code != 200 {
		t.Fatalf("register %s: %d %s", image, w.Code, w.Body)
	}
	return decode[struct{ ID string }](t, w).ID
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return v
}

// said returns status and code of an answer: "404 6404", or "200".
func said(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 {
		return fmt.Sprint(w.Code)
	}
	e := decode[map[string]string](t, w)
	code, ours := strings.CutPrefix(e["error_code"], "ModelArts.")
	if !ours || e["error_msg"] == "" || len(e) != 2 || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("error %d %s with request id %q: want code and message, nothing else, and an id", w.Code, w.Body, w.Header().Get("X-Request-Id"))
	}
	return fmt.Sprint(w.Code, " ", code)
}
