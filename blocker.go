package easel

// BlockerKind says what kind of thing stands in the way of a deletion.
type BlockerKind string

// The kinds of blockers.
const (
	BlockedByUse        BlockerKind = "in-use"        // something that runs needs the image
	BlockedByProtection BlockerKind = "protected"     // somebody protected the image
	BlockedByRule       BlockerKind = "immutable"     // a rule of the repository keeps the tag
	BlockedByBuiltin    BlockerKind = "built-in"      // an image of the installation
	BlockedByProject    BlockerKind = "other-project" // the image is public and belongs to another project
	BlockedBySaving     BlockerKind = "being-saved"   // a notebook is being saved as the image
	BlockedByIndex      BlockerKind = "index"         // an image index names the manifest
	BlockedByPin        BlockerKind = "pinned"        // another user's push was told that the content is there
)

// Blocker is something that stands in the way of a deletion: the deletion is
// refused with the first, a plan lists all of them.
type Blocker struct {
	Kind    BlockerKind `json:"kind"`
	Subject string      `json:"subject"`          // what cannot go: an image's id, "repository:tag", "repository@digest", a repository
	Holder  string      `json:"holder,omitempty"` // what holds it, where that has a name
	Message string      `json:"message"`          // as the deletion would say it
}

// Blocked says in the error of a refused deletion what stands in its way, for
// the plan of the same deletion, and returns e.
func (e *Error) Blocked(kind BlockerKind, subject, holder string) *Error {
	e.blocker = &Blocker{Kind: kind, Subject: subject, Holder: holder}
	return e
}

// Blocker returns what e says about a deletion that was refused, or false
// when e is no such error. An error that was not made with Blocked is one when
// it is InUse.
func (e *Error) Blocker() (Blocker, bool) {
	switch {
	case e.blocker != nil:
		b := *e.blocker
		b.Message = e.Msg
		return b, true
	case e.Kind == InUse:
		return Blocker{Kind: BlockedByUse, Message: e.Msg}, true
	}
	return Blocker{}, false
}
