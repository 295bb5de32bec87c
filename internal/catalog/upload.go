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

// StartUpload records a session with a fresh key. ttl is how long it may
// rest. Errors: NotFound "organisation".
func (db *DB) StartUpload(ctx context.Context, who easel.Principal, repo easel.Repo, algorithm string, ttl time.Duration) (Upload, error) {
	var u Upload
	err := db.update(ctx, func(t *tx) error {
		if _, err := t.ensureRepo(who, repo); err != nil {
			return err
		}
		u = Upload{ID: easel.NewUUID(t.time()), Key: blob.NewKey(), Repo: repo, Owner: who.UserID, Algorithm: algorithm, Until: t.time().Add(ttl)}
		_, err := t.exec(`
			INSERT INTO upload (id, storage_key, repo, owner, algorithm, size, hash, writer, until) VALUES ($1, $2, $3, $4, $5, 0, $6, $6, $7)`,
			u.ID, string(u.Key), string(repo), u.Owner, algorithm, []byte{}, micros(u.Until))
		return err
	})
	return u, err
}

// Upload returns who's session. Errors: NotFound "upload", also for one of
// another user, of another repository, or expired.
func (db *DB) Upload(ctx context.Context, who easel.Principal, repo easel.Repo, id string) (Upload, error) {
	u := Upload{ID: id, Repo: repo, Owner: who.UserID}
	err := db.view(ctx, func(t *tx) error {
		var until int64
		ok, err := t.get([]any{&u.Key, &u.Algorithm, &u.Size, &u.Hash, &u.Writer, &until}, `
			SELECT storage_key, algorithm, size, hash, writer, until FROM upload
			WHERE id = $1 AND repo = $2 AND owner = $3 AND until > $4`, id, string(repo), who.UserID, t.now)
		if err == nil && !ok {
			err = errNoUpload(id)
		}
		u.Until = fromMicros(until)
		return err
	})
	return u, err
}

func errNoUpload(id string) error {
	return easel.E(easel.NotFound, "upload", "there is no upload %.40s here: it was finished, cancelled or has expired; start again", id)
}

// AdvanceUpload records u.Size, u.Algorithm, u.Hash, u.Writer and u.Until, and
// extends the owner's pins in the repository while bytes arrive. from is the
// size recorded before; when it is another now: Changed. A session that is
// gone: NotFound "upload".
func (db *DB) AdvanceUpload(ctx context.Context, u Upload, from int64) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.extendPins(u.Repo, u.Owner); err != nil {
			return err
		}
		n, err := t.exec(`
			UPDATE upload SET size = $1, algorithm = $2, hash = $3, writer = $4, until = $5 WHERE id = $6 AND size = $7`,
			u.Size, u.Algorithm, bytesOf(u.Hash), bytesOf(u.Writer), micros(u.Until), u.ID, from)
		if err != nil || n == 1 {
			return err
		}
		there, err := t.exists(`SELECT 1 FROM upload WHERE id = $1`, u.ID)
		if err != nil {
			return err
		}
		if !there {
			return errNoUpload(u.ID)
		}
		return easel.E(easel.Changed, "upload", "another request has written to this upload")
	})
}

// bytesOf keeps nil from becoming NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// FinishUpload turns the session into a blob that repo links and who has
// pinned. When the digest is stored already the new object is spare: it became
// garbage, for the caller to unlink. The object must be finished and durable.
// Errors: NotFound "upload".
func (db *DB) FinishUpload(ctx context.Context, who easel.Principal, u Upload, digest easel.Digest, size int64) (spare []Garbage, err error) {
	err = db.update(ctx, func(t *tx) error {
		spare = nil
		n, err := t.exec(`DELETE FROM upload WHERE id = $1`, u.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoUpload(u.ID)
		}
		repo, err := t.ensureRepo(who, u.Repo)
		if err != nil {
			return err
		}
		id, key, err := t.insertBlob(u.Key, digest, size)
		if err != nil {
			return err
		}
		if key != u.Key {
			spare = []Garbage{{Key: u.Key, Size: size}}
			if err := t.discard(spare, 0); err != nil {
				return err
			}
		}
		return t.linkAndPin(repo, id, who.UserID, who.TokenID)
	})
	return spare, err
}

// insertBlob records the object of key as the digest's, unless the digest is
// stored already, and returns the blob's row and the key that it has now.
func (t *tx) insertBlob(key blob.Key, digest easel.Digest, size int64) (id int64, now blob.Key, err error) {
	var lost bool
	// DO UPDATE, not DO NOTHING: it locks the row that is there against a deletion and returns it. It leaves the
	// columns alone that foreign keys could name: a link that is being made meanwhile would wait for this lock,
	// and we for that link.
	if _, err := t.get([]any{&id, &now, &lost}, `
		INSERT INTO blob (digest, storage_key, size, lost) VALUES ($1, $2, $3, 0)
		ON CONFLICT (digest) DO UPDATE SET lost = blob.lost
		RETURNING id, storage_key, lost`, string(digest), string(key), size); err != nil {
		return 0, "", err
	}
	if lost { // the old object vanished: this one heals whatever names the digest
		now = key
		if _, err = t.exec(`UPDATE blob SET storage_key = $1, lost = 0 WHERE id = $2`, string(key), id); err == nil {
			err = t.weigh(id, size)
		}
	}
	return id, now, err
}

func (t *tx) linkAndPin(repo, blob int64, owner, finisher string) error {
	if _, err := t.exec(`INSERT INTO link (repo, blob) VALUES ($1, $2) ON CONFLICT DO NOTHING`, repo, blob); err != nil {
		return err
	}
	return t.countPin(repo, blob, owner, finisher)
}

// CancelUpload ends who's session; its object becomes garbage. Errors: NotFound "upload".
func (db *DB) CancelUpload(ctx context.Context, who easel.Principal, repo easel.Repo, id string) error {
	return db.update(ctx, func(t *tx) error {
		g, err := all(t, scanEndedUpload, `
			DELETE FROM upload WHERE id = $1 AND repo = $2 AND owner = $3 RETURNING storage_key, size, until`, id, string(repo), who.UserID)
		if err != nil {
			return err
		}
		if len(g) == 0 {
			return errNoUpload(id)
		}
		return t.discard([]Garbage{g[0].Garbage}, max(g[0].until, t.now)+lateWriter)
	})
}

// lateWriter (µs) is the slack after a session's end before its garbage row
// may go: a writer's deadline is the end of its session.
const lateWriter = int64(time.Minute / time.Microsecond)

type endedUpload struct {
	Garbage
	until int64
}

func scanEndedUpload(s scanner) (e endedUpload, err error) {
	err = s.Scan(&e.Key, &e.Size, &e.until)
	return e, err
}

// ExpireUploads ends the sessions whose time is over and returns how many.
// Their objects become garbage.
func (db *DB) ExpireUploads(ctx context.Context) (n int, err error) {
	err = db.update(ctx, func(t *tx) error {
		ended, err := all(t, scanEndedUpload, `DELETE FROM upload WHERE until <= $1 RETURNING storage_key, size, until`, t.now)
		if err != nil {
			return err
		}
		n = len(ended)
		g := make([]Garbage, n)
		for i, e := range ended {
			g[i] = e.Garbage
		}
		return t.discard(g, t.now+lateWriter)
	})
	return n, err
}
