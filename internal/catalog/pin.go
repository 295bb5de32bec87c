package catalog

import (
	"time"

	"easel"
)

// maxPin is how long after it was last counted a pin can be kept alive by the
// bytes of its owner's uploads.
const maxPin = 24 * time.Hour

// countPin records that owner was told that repo has blob. An ended pin
// starts at one again. finisher is the token whose upload made the blob, "" for
// other tellings, which leave a live pin's finisher alone.
func (t *tx) countPin(repo, blob int64, owner, finisher string) error {
	_, err := t.exec(`
		INSERT INTO pin (repo, blob, owner, uses, until, counted, finisher) VALUES ($1, $2, $3, 1, $4, $5, $6)
		ON CONFLICT (repo, blob, owner) DO UPDATE SET
			uses = CASE WHEN pin.until > excluded.counted THEN pin.uses ELSE 0 END + 1,
			finisher = CASE WHEN excluded.finisher = '' AND pin.until > excluded.counted THEN pin.finisher ELSE excluded.finisher END,
			until = excluded.until, counted = excluded.counted`,
		repo, blob, owner, t.pinEnd(), t.now, finisher)
	return err
}

// countManifestPin is countPin for a manifest.
func (t *tx) countManifestPin(repo, manifest int64, owner string) error {
	_, err := t.exec(`
		INSERT INTO mpin (repo, manifest, owner, uses, until, counted) VALUES ($1, $2, $3, 1, $4, $5)
		ON CONFLICT (repo, manifest, owner) DO UPDATE SET
			uses = CASE WHEN mpin.until > excluded.counted THEN mpin.uses ELSE 0 END + 1,
			until = excluded.until, counted = excluded.counted`,
		repo, manifest, owner, t.pinEnd(), t.now)
	return err
}

func (t *tx) pinEnd() int64 { return t.now + t.pinFor.Microseconds() }

// takeBackPins takes one count back from owner's pins on blobs: the manifest
// that names them has come. The caller holds the repository lock.
func (t *tx) takeBackPins(repo int64, owner string, blobs []int64) error {
	return t.takeBack("pin", "blob", repo, owner, blobs)
}

// takeBackManifestPins is takeBackPins for manifests: an index takes back its
// children's, a subject its referrers'.
func (t *tx) takeBackManifestPins(repo int64, owner string, manifests []int64) error {
	return t.takeBack("mpin", "manifest", repo, owner, manifests)
}

func (t *tx) takeBack(table, column string, repo int64, owner string, ids []int64) error {
	return chunks(ids, func(ids []int64) error {
		a := args{repo, owner}
		in := addAll(&a, ids)
		if _, err := t.exec(`UPDATE `+table+` SET uses = uses - 1 WHERE repo = $1 AND owner = $2 AND `+column+` IN (`+in+`) AND uses > 0`, a...); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM `+table+` WHERE repo = $1 AND owner = $2 AND `+column+` IN (`+in+`) AND uses = 0`, a...)
		return err
	})
}

// extendPins keeps owner's pins in the repository alive while bytes of an
// upload arrive. It writes at most once a minute, and must come first in its
// transaction: it takes the repository lock.
func (t *tx) extendPins(name easel.Repo, owner string) error {
	var repo int64
	if ok, err := t.get([]any{&repo}, `SELECT id FROM repo WHERE name = $1`, string(name)); err != nil || !ok {
		return err
	}
	oldest, soon := t.now-maxPin.Microseconds(), t.pinEnd()-time.Minute.Microseconds()
	const due = ` WHERE repo = $1 AND owner = $2 AND until > $3 AND counted > $4 AND until < $5`
	some, err := t.exists(`SELECT 1 FROM pin`+due+` UNION ALL SELECT 1 FROM mpin`+due+` LIMIT 1`, repo, owner, t.now, oldest, soon)
	if err != nil || !some {
		return err
	}
	if err := t.lockRepos(repo); err != nil {
		return err
	}
	for _, table := range []string{"pin", "mpin"} {
		if _, err := t.exec(`UPDATE `+table+` SET until = $6`+due, repo, owner, t.now, oldest, soon, t.pinEnd()); err != nil {
			return err
		}
	}
	return nil
}

// chunks calls f with ids in pieces that fit into one statement.
func chunks[T any](ids []T, f func([]T) error) error {
	for len(ids) > 0 {
		n := min(len(ids), maxList)
		if err := f(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}
