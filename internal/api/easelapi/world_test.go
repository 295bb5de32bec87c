package easelapi_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/api/apitest"
	"easel/internal/api/easelapi"
	"easel/internal/blob"
	"easel/internal/hook"
	"easel/internal/identity"
	"easel/internal/issuer"
	"easel/internal/issuer/issuertest"
	"easel/internal/registry"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

// world is the edge over real services on SQLite and a directory.
type world struct {
	*imagetest.World
	*apitest.Recorder
	images   *workbench.Service
	patterns []string
	handler  http.Handler
	use      *use
	provider *issuertest.Provider
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

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: imagetest.NewAt(t, imagetest.SQLite(t), ticking()), use: &use{}}
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	clock := ticking()
	w.provider = issuertest.New(t, clock)
	people := identity.New(identity.Options{Catalog: w.DB, MasterKey: make([]byte, 32), Clock: clock, Region: "eu-de", IssuerAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Providers: []identity.Provider{{
		Name: "corp", Domain: w.Ann.DomainName, Client: issuer.Client{Issuer: w.provider.Issuer(), ID: issuertest.ClientID, Scopes: []string{"profile"}},
		Anybody: true, Session: time.Hour,
	}}})
	content := registry.New(registry.Options{Catalog: w.DB, Blobs: store, Receipts: signer(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))),
		Capacity: func() (int64, error) { return 1 << 40, nil }})
	w.images = workbench.New(workbench.Options{Catalog: w.DB, Registry: content, InUse: []workbench.InUse{w.use}, Subjects: w})
	mux := easelapi.New(easelapi.Options{Auth: tokens{w.World}, Images: w.images, Room: w.images, Protector: w.images, Tags: content, Trash: content, Content: content, Robots: people, SignOn: people, Trusts: people, Exchange: people, Jobs: w.images,
		Hooks: hook.New(hook.Options{Catalog: w.DB, Vault: vault{}})})
	w.patterns = mux.Patterns()
	w.handler = api.Serve(mux, api.ServeOptions{})
	w.Recorder = apitest.New(t, w.handler, easelapi.OpenAPI)
	return w
}

// vault is one without a lock.
type vault struct{}

func (vault) Seal(_, secret string) ([]byte, error) { return []byte(secret), nil }

func (vault) Open(_ string, sealed []byte) (string, error) { return string(sealed), nil }

// Subject implements workbench.Subjects: every job is ann's.
func (w *world) Subject(context.Context, string, string, string) (easel.Principal, error) {
	return w.Ann, nil
}

// signer signs receipts with a key that is the same in every run.
type signer ed25519.PrivateKey

func (s signer) SignReceipt(_ context.Context, text []byte) ([]byte, error) {
	return ed25519.Sign(ed25519.PrivateKey(s), text), nil
}

func (s signer) ReceiptKey(context.Context) (ed25519.PublicKey, error) {
	return ed25519.PrivateKey(s).Public().(ed25519.PublicKey), nil
}

// ticking returns a clock that goes on by a second each time it is read: ids
// sort by time, and so do the records of a golden file.
func ticking() func() time.Time {
	var reads atomic.Int64
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { return start.Add(time.Duration(reads.Add(1)) * time.Second) }
}

// tokens knows the inhabitants by name.
type tokens struct{ *imagetest.World }

func (a tokens) Authenticate(r *http.Request) (easel.Principal, error) {
	unbound := a.Ann
	unbound.ProjectID = ""
	token := r.Header.Get("X-Auth-Token")
	who, known := map[string]easel.Principal{"ann": a.Ann, "ben": a.Ben, "cleo": a.Cleo, "gus": a.Gus, "unbound": unbound, "robot": robotOf(a.Ann)}[token]
	if known {
		return who, nil
	}
	if token == "" {
		return easel.Principal{}, easel.E(easel.Unauthenticated, "credential", "x-auth-token not found")
	}
	return easel.Principal{}, easel.E(easel.Unauthenticated, "token", "decrypt token fail")
}

// robotOf returns who asks with a robot's key.
func robotOf(who easel.Principal) easel.Principal {
	who.Machine, who.Bound = true, &easel.Bound{Repositories: []string{"*"}, Actions: []string{"pull", "push", "delete", "read"}}
	return who
}

// register pushes an image of the named layers and registers it for ann.
func (w *world) register(t *testing.T, path string, layers ...string) string {
	t.Helper()
	w.Push(t, w.Ann, path, layers...)
	i, err := w.images.Register(imagetest.As(t, w.Ann), workbench.Registration{
		Project: imagetest.AcmeOne, Path: path, Host: "easel.test", Arch: "x86_64", Origin: easel.OriginCustomize,
		ServiceType: "UNKNOWN", Visibility: easel.Private,
	})
	if err != nil {
		t.Fatal(err)
	}
	return i.ID
}

// as returns a request of one of the inhabitants; "" is nobody.
func as(who, method, path, body string) *http.Request {
	if who == "" {
		return apitest.Request(method, path, body)
	}
	return apitest.Request(method, path, body, "X-Auth-Token", who)
}

func selection(force bool, ids ...string) string {
	text, _ := json.Marshal(map[string]any{"images": ids, "force": force})
	return string(text)
}

// decode reads the body of a success.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

// code returns status and error code of an answer.
func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var e struct {
		Code string `json:"error_code"`
		Msg  string `json:"error_msg"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code >= 400 && (e.Code == "" || e.Msg == "") {
		t.Fatalf("%d: no error envelope: %s", w.Code, w.Body)
	}
	return fmt.Sprint(w.Code, " ", e.Code)
}
