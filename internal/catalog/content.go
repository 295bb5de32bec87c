package catalog

import (
	"context"
	"time"

	"easel"
	"easel/internal/blob"
)

// Upload is an upload session. Size, Hash and Writer are what was durably
// recorded; the object may be longer, and is cut back on resume.
type Upload struct {
	ID        string
	Key       blob.Key
	Repo      easel.Repo
	Owner     string // user id; sessions of others are NotFound
	Algorithm string // of Hash
	Size      int64  // bytes
	Hash      []byte // encoding.BinaryMarshaler state of the hash at Size
	Writer    []byte // blob.State.Parts
	Until     time.Time
}

// StoredBlob is a blob that a repository links.
type StoredBlob struct {
	Digest easel.Digest
	Size   int64 // bytes
	Key    blob.Key
}

// StoredManifest is a manifest as it was put.
type StoredManifest struct {
	Digest    easel.Digest
	MediaType string
	Body      []byte
	Total     int64 // bytes of config and layers; of an index: 0
}

// ManifestPut asks to store Manifest under Digest and to point Tags at it.
type ManifestPut struct {
	Repo     easel.Repo
	Digest   easel.Digest
	Tags     []easel.Tag // none: put by digest
	Manifest *easel.Manifest
}

// Holder is a repository that links a blob, with what the caller may do there.
type Holder struct {
	Repo   easel.Repo
	Grants easel.Grants
}

// Removed is the outcome of a deletion: the receipt, and the storage keys that
// the caller should now unlink. They are in the garbage table: whoever dies
// before unlinking them loses nothing.
type Removed struct {
	Receipt easel.Receipt
	Garbage []Garbage
}

// Garbage is a storage key that nothing needs any more.
type Garbage struct {
	Key  blob.Key
	Size int64 // bytes
}


// RepoGrants returns what who was granted on repo, or on its organisation
// while the repository does not exist. No organisation: the zero Grants.
func (db *DB) RepoGrants(ctx context.Context, who easel.Principal, repo easel.Repo) (easel.Grants, error) {
	panic("soon")
}

// StartUpload records a session with a fresh key, making the repository if
// need be. until is when it expires. Errors: NotFound "organisation".
func (db *DB) StartUpload(ctx context.Context, who easel.Principal, repo easel.Repo, algorithm string, ttl time.Duration) (Upload, error) {
	panic("soon")
}

// Upload returns who's session. Errors: NotFound "upload", also for one of
// another user, of another repository, or expired.
func (db *DB) Upload(ctx context.Context, who easel.Principal, repo easel.Repo, id string) (Upload, error) {
	panic("soon")
}

// AdvanceUpload records u.Size, u.Algorithm, u.Hash and u.Writer, and extends the owner's
// pins in the repository while bytes arrive. from is the size recorded before;
// when it is another now: Changed. A session that is gone: NotFound "upload".
func (db *DB) AdvanceUpload(ctx context.Context, u Upload, from int64) error { panic("soon") }

// FinishUpload turns the session into a blob that repo links and who has
// pinned. When the digest is stored already the new object becomes garbage.
// The object must be finished and durable. Errors: NotFound "upload".
func (db *DB) FinishUpload(ctx context.Context, who easel.Principal, u Upload, digest easel.Digest, size int64) error {
	panic("soon")
}

// CancelUpload ends who's session; its object becomes garbage. Errors: NotFound "upload".
func (db *DB) CancelUpload(ctx context.Context, who easel.Principal, repo easel.Repo, id string) error {
	panic("soon")
}

// Blob finds a blob for a puller: nothing is pinned. Errors: NotFound "blob" or "repository".
func (db *DB) Blob(ctx context.Context, repo easel.Repo, digest easel.Digest) (StoredBlob, error) {
	panic("soon")
}

// PinBlob finds a blob for someone who may push and is about to be told that
// it is there: it is pinned first. On a full disk it is found without a pin.
func (db *DB) PinBlob(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (StoredBlob, error) {
	panic("soon")
}

// BlobHolders returns up to 20 repositories that link digest and that who may
// be able to read; the caller asks policy about each.
func (db *DB) BlobHolders(ctx context.Context, who easel.Principal, digest easel.Digest) ([]Holder, error) {
	panic("soon")
}

// Mount links digest, which from links, into to (made if need be) and pins it.
// Errors: NotFound "blob" when from has no such blob (any more), NotFound "organisation".
func (db *DB) Mount(ctx context.Context, who easel.Principal, from, to easel.Repo, digest easel.Digest) (StoredBlob, error) {
	panic("soon")
}

// PutManifest stores a manifest whose blobs and children the repository has,
// and points tags at it. Errors: NotFound "repository" when nothing was ever
// pushed there and the organisation is missing; Invalid "manifest blob" naming
// the blob or child that is not there.
func (db *DB) PutManifest(ctx context.Context, who easel.Principal, p ManifestPut) error {
	panic("soon")
}

// Manifest finds a manifest. Errors: NotFound "repository" or "manifest".
func (db *DB) Manifest(ctx context.Context, repo easel.Repo, ref easel.Ref) (StoredManifest, error) {
	panic("soon")
}

// PinManifest finds a manifest for someone who is pushing: it is pinned first.
func (db *DB) PinManifest(ctx context.Context, who easel.Principal, repo easel.Repo, ref easel.Ref) (StoredManifest, error) {
	panic("soon")
}

// Tags returns up to limit tags after last, in byte order, and whether more
// follow. Errors: NotFound "repository".
func (db *DB) Tags(ctx context.Context, repo easel.Repo, last string, limit int) (tags []easel.Tag, more bool, err error) {
	panic("soon")
}

// Referrers returns up to limit descriptors of manifests whose subject is
// digest, ordered by digest and after last, and whether more follow. artifactType
// "" means all. A repository that does not exist has none.
func (db *DB) Referrers(ctx context.Context, repo easel.Repo, subject easel.Digest, artifactType string, last easel.Digest, limit int) (found []easel.Descriptor, more bool, err error) {
	panic("soon")
}

// Repositories returns up to limit names of domain's repositories after last,
// in byte order, and whether more follow.
func (db *DB) Repositories(ctx context.Context, domain, last string, limit int) (names []easel.Repo, more bool, err error) {
	panic("soon")
}

// DeleteTag removes a tag and, with it, its manifest when nothing else needs
// that. Errors: NotFound "repository", "tag"; InUse.
func (db *DB) DeleteTag(ctx context.Context, who easel.Principal, repo easel.Repo, tag easel.Tag) (Removed, error) {
	panic("soon")
}

// DeleteManifest removes a manifest with all its tags. Errors: NotFound
// "repository", "manifest"; InUse when an index names it.
func (db *DB) DeleteManifest(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (Removed, error) {
	panic("soon")
}

// DeleteBlob removes a blob from a repository. Errors: NotFound "blob"; InUse
// when a manifest names it or another user's pin holds it.
func (db *DB) DeleteBlob(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (Removed, error) {
	panic("soon")
}

// DeleteRepo removes a repository with everything in it that no pin holds.
// Errors: NotFound "repository"; InUse.
func (db *DB) DeleteRepo(ctx context.Context, who easel.Principal, repo easel.Repo) (Removed, error) {
	panic("soon")
}

// Guard is asked inside the deleting transaction, after the locks, whether
// something outside the catalogue's content needs these images: it returns an
// InUse error that names what does.
type Guard func(images []easel.Image) error

// ImageDeletion says which image records of a project go.
type ImageDeletion struct {
	Project string
	IDs     []string // or
	Group   string   // all images of the group
	Force   bool     // with the tag's content, as far as nothing else needs it
	InUse   Guard    // may be nil
}

// DeleteImages removes image records and, when forced, the content of their
// tags: all or nothing. It returns the images as they were. Errors: NotFound
// "image" or "group"; Denied for built-ins and foreign public images; InUse;
// Unavailable "image" for one that is being saved (INIT, CREATING).
func (db *DB) DeleteImages(ctx context.Context, who easel.Principal, d ImageDeletion) ([]easel.Image, Removed, error) {
	panic("soon")
}

// PlanImages does what DeleteImages does and rolls it back.
func (db *DB) PlanImages(ctx context.Context, who easel.Principal, d ImageDeletion) ([]easel.Image, Removed, error) {
	panic("soon")
}
