package easel

import "time"

// Receipt is what a deletion did, or, as a plan, what it would do. Byte
// counts are sizes of blob objects; manifests are rows of the database and
// not counted. Receipts are stored in the audit trail under their id.
type Receipt struct {
	ID        string        `json:"id"`
	Plan      string        `json:"plan,omitempty"` // names the outcome: a plan with the same one planned exactly this
	At        time.Time     `json:"at"`
	Actor     string        `json:"actor"` // user name
	ActorID   string        `json:"actor_id"`
	Domain    string        `json:"domain"` // name of the actor's domain
	DomainID  string        `json:"domain_id"`
	Action    string        `json:"action"` // as in the audit trail
	Resource  string        `json:"resource"`
	Images    []ReceiptItem `json:"images"`    // image records removed
	Tags      []string      `json:"tags"`      // "repository:tag" removed
	Manifests []string      `json:"manifests"` // "repository@digest" removed
	Condemned []string      `json:"condemned"` // "repository@digest" that goes when its last pin ends
	Blobs     []ReceiptBlob `json:"blobs"`     // blobs removed
	Broken    []string      `json:"broken"`    // ids of image records that became ERROR because their tag went

	Freed   int64 `json:"bytes_freed"`   // off the store when the answer is sent
	Pending int64 `json:"bytes_pending"` // unlinking continues in the background
	Shared  int64 `json:"bytes_shared"`  // kept: other content needs them
	Pinned  int64 `json:"bytes_pinned"`  // kept until PinnedUntil: a push is under way
	Trash   int64 `json:"bytes_trash"`   // kept: only trash holds them

	// RestoreUntil is when what went can no longer be restored; nil: it cannot.
	RestoreUntil *time.Time `json:"restore_until,omitempty"`

	PinnedUntil *time.Time `json:"pinned_until,omitempty"`
	PinnedBy    []string   `json:"pinned_by,omitempty"`    // user names
	SharedWith  []string   `json:"shared_with,omitempty"`  // repositories of the caller's domain that need the kept bytes, at most 20
	Kept        string     `json:"kept,omitempty"`         // "public" or "shared-tag": why a forced deletion kept the content
	KeptFor     int        `json:"kept_records,omitempty"` // live records that still name the tag
}

// Plan is what a deletion would do: the receipt that it would have, but with
// the plan as its id, and what it would be refused for.
type Plan struct {
	Receipt
	Blockers []Blocker `json:"blockers"`
	Sharers  []Sharer  `json:"sharers"` // tags of the caller's domain whose content the kept bytes are, at most 100
}

// Sharer is a tag that needs bytes which a deletion keeps.
type Sharer struct {
	Tag    string   `json:"tag"`    // "repository:tag"
	Images []string `json:"images"` // ids of the records of the caller's project that name it
}

// ReceiptItem names an image record.
type ReceiptItem struct {
	ID   string `json:"id"`
	Path string `json:"swr_path"`
}

// ReceiptBlob names a blob that went.
type ReceiptBlob struct {
	Digest Digest `json:"digest"`
	Size   int64  `json:"size"`
}
