// Package failpoint lets a test end the process, or make it wait or fail, at
// named places in the code: before and after each step that makes something
// durable.
//
// Without the build tag "failpoint" both functions are empty and compile to
// nothing: a released program has no failpoints. With the tag the environment
// variable EASEL_FAILPOINT arms them, with one entry per point, separated by
// commas:
//
//	catalog.commit=kill:7      SIGKILL this process at the 7th hit
//	catalog.committed=error    make every Err there return an error; error:7 only the 7th
//	delete.unlink=sleep:50     wait 50 ms at each hit
//
// A name in the environment that no code has is never hit.
package failpoint

import "slices"

// Names returns the points there are, sorted. A test fails when the code and
// this list differ.
func Names() []string { return slices.Clone(names) }

// names says what has just happened, or is about to, at each point.
var names = []string{
	"catalog.commit",     // a write transaction is about to commit
	"catalog.committed",  // it is durable, nobody knows yet
	"delete.settled",     // garbage rows are dropped
	"delete.sync",        // the directories of unlinked objects are about to be synced
	"delete.synced",      // they are, the garbage rows are still there
	"delete.unlink",      // an object of a committed deletion is about to be unlinked
	"delete.unlinked",    // it is gone, its garbage row is still there
	"manifest.put",       // a manifest is checked and about to be stored
	"manifest.stored",    // it is durable, the client does not know yet
	"reclaim.expired",    // uploads whose time was over are garbage
	"reclaim.swept",      // pins whose time was over are gone
	"trash.purge",        // what a deletion left to trash is about to be freed
	"trash.purged",       // its rows are gone, its objects still there
	"trash.restore",      // a deletion is about to be undone
	"trash.restored",     // it is, the client does not know yet
	"upload.cancelled",   // the session is gone, its object still there
	"upload.checkpoint",  // bytes of a chunk are about to be synced
	"upload.finish",      // all bytes are there and about to be synced
	"upload.finished",    // the object is durable, the catalogue does not know yet
	"upload.received",    // bytes of a chunk are synced, the session does not know yet
	"upload.recorded",    // the session is moved forward, the client does not know yet
	"upload.transformed", // the session became a blob, the client does not know yet
}
