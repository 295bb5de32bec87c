// Package blob stores byte strings under storage keys that are used once.
//
// A key is random ([NewKey]); the catalogue records it before the first byte
// is written and never hands it out again. So nothing here needs a lock, a
// rename, a copy or a second look before a deletion, and the same contract
// fits a directory and S3: an object is written forward from a recorded
// offset, finished once, read, and deleted. Nothing is written after Finish.
//
// The package does not know digests and verifies nothing: its caller hashes.
package blob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"strings"
	"time"
)

// Key names an object: 32 lower-case hex digits.
type Key string

// NewKey returns a random key.
func NewKey() Key {
	var b [16]byte
	rand.Read(b[:])
	return Key(hex.EncodeToString(b[:]))
}

// Valid reports whether k has the form that NewKey makes.
func (k Key) Valid() bool { return len(k) == 32 && strings.Trim(string(k), "0123456789abcdef") == "" }

// ErrShort says that fewer bytes are stored than a State recorded: a disk lost
// what it had confirmed, or somebody cut the object. The upload cannot go on.
var ErrShort = errors.New("object is shorter than recorded")

// Store holds objects. Implementations are safe for concurrent use; at most
// one Writer per key may be open at a time.
type Store interface {
	// Resume opens the object for writing at state, which is the zero State
	// (the object is made) or what a Checkpoint of the same key returned.
	// Bytes beyond state.Size, left by a writer that died, are cut away. Errors:
	// fs.ErrNotExist when state is not zero and the object is not there, ErrShort.
	Resume(ctx context.Context, key Key, state State) (Writer, error)

	// Open opens a finished object. An object that is not there is an error
	// that matches fs.ErrNotExist.
	Open(ctx context.Context, key Key) (Object, error)

	// Delete removes the object, finished or not, and whatever a writer left
	// beside it. An object that is not there is success.
	Delete(ctx context.Context, key Key) error

	// Sync makes completed deletions of keys durable. Until it returns nil the
	// catalogue keeps its garbage rows.
	Sync(ctx context.Context, keys []Key) error

	// List returns every object in no particular order. Things that no key
	// names are listed with their name in Stray. It ends at the first error.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// State is how far an object was durably written. The catalogue keeps it with
// the upload.
type State struct {
	Size  int64  // bytes that are durable
	Parts []byte // what the driver needs to go on (S3: multipart upload and parts); nil for a directory
}

// Writer adds bytes at the end of one object. It is used by one goroutine.
// After an error it is of no more use: every later call but Close fails too,
// and the way on is to Resume from the last Checkpoint. A full disk is
// [easel.NoSpace].
type Writer interface {
	io.Writer
	// Checkpoint makes everything written so far durable and returns the state
	// to resume from. (S3 may keep back up to 5 MiB in a part of its own.)
	Checkpoint(ctx context.Context) (State, error)
	// Finish makes the object complete and durable, with its directory entry.
	// Nothing may be written afterwards. Close must still be called.
	Finish(ctx context.Context) error
	// Close lets go of the object and keeps what is there. It is safe to call twice.
	Close() error
}

// Object is an open object. A directory's objects embed *os.File, so that
// serving them can use sendfile.
type Object interface {
	io.ReadSeekCloser
	// Size in bytes.
	Size() int64
}

// Info describes a stored object.
type Info struct {
	Key     Key
	Size    int64 // bytes
	ModTime time.Time
	Stray   string // not "": something that is no object of ours, by its name in the store
}
