// Package registry is the content service: push, pull, mount, list, delete,
// reclaim and check, and the organisations and repositories that hold the
// content. It decides with policy, keeps its state in catalog and its bytes
// in blob, and never sees HTTP.
//
// The caller is in the context (easel.PrincipalFrom). Every exported method
// first reads the caller's grants, asks policy.Check, then acts.
//
// # Reading order
//
// upload.go, manifest.go and pull.go are a push and a pull; delete.go and
// reclaim.go are a deletion until the bytes are off the disk; check.go proves
// that storage and catalogue agree; org.go manages what holds the content.
package registry

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Options wire a Service. Zero durations take the defaults named.
type Options struct {
	Catalog *catalog.DB
	Blobs   blob.Store
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now
	Metrics Metrics          // nil: not counted
	InUse   catalog.Guard    // asked before a tag goes that image records name; nil: nothing is in use
	// Receipts signs receipts; without it there are none to read.
	Receipts ReceiptSigner

	// MachineAgents are parts of the User-Agent, in lower case, of clients that
	// pull without anybody needing it: scanners and mirrors.
	MachineAgents []string

	UploadTTL  time.Duration // how long an upload may rest: 24 h
	UnlinkWait time.Duration // how long a deletion waits for its bytes to go: 2 s
	MaxUploads int           // concurrent uploads receiving bytes: 256
	// Free returns the free bytes of the store's disk, and LowSpace is the
	// mark below which pushes are refused. Nil: never refused.
	Free     func() (int64, error)
	LowSpace int64 // 64 MiB
	// Capacity returns the size of the store's disk in bytes. Nil: not known.
	Capacity func() (int64, error)
}

// Metrics is told what happens to bytes.
type Metrics interface {
	BytesIn(n int64)    // received by uploads
	BytesOut(n int64)   // served from blobs
	BytesFreed(n int64) // unlinked
}

type noMetrics struct{}

func (noMetrics) BytesIn(int64)    {}
func (noMetrics) BytesOut(int64)   {}
func (noMetrics) BytesFreed(int64) {}

// Service is the registry. It is a passive struct, safe for concurrent use;
// its background work is the blocking method Run.
type Service struct {
	o       Options
	catalog *catalog.DB
	blobs   blob.Store
	writers writers   // uploads that are receiving bytes in this process
	settle  settle    // objects unlinked whose garbage rows are still there
	pulls   pulls     // not in the catalogue yet
	served  served    // not in the catalogue yet
	stored  time.Time // when the day was last noted; Run only
}

// New returns a Service. The caller keeps ownership of catalogue and store.
func New(o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	o.UploadTTL = cmp.Or(o.UploadTTL, 24*time.Hour)
	o.UnlinkWait = cmp.Or(o.UnlinkWait, 2*time.Second)
	o.MaxUploads = cmp.Or(o.MaxUploads, 256)
	o.LowSpace = cmp.Or(o.LowSpace, 64<<20)
	return &Service{o: o, catalog: o.Catalog, blobs: o.Blobs, writers: newWriters(o.MaxUploads)}
}

// may asks policy whether the caller may do action to repo.
func (s *Service) may(ctx context.Context, action policy.Action, repo easel.Repo) error {
	_, err := s.grants(ctx, action, repo)
	return err
}

// grants is may for those who need the grants as well.
func (s *Service) grants(ctx context.Context, action policy.Action, repo easel.Repo) (easel.Grants, error) {
	who := easel.PrincipalFrom(ctx)
	g, err := s.catalog.RepoGrants(ctx, who, repo)
	if err != nil {
		return g, err
	}
	return g, policy.Check(who, g, action, "repository", string(repo))
}
