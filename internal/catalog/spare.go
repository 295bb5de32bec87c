package catalog

import (
	"context"
	"strings"
	"sync"
	"time"

	"easel"
	"easel/internal/blob"
)

// spares are storage keys that are recorded before anybody asks for one, so
// that no upload waits for its own to be durable: rows of upload without an
// owner. A key leaves here once and never comes back, whatever becomes of it.
// A row that no session takes expires like one.
type spares struct {
	mu   sync.Mutex
	free []spare
}

type spare struct {
	id    string // of the row, and of the session
	key   blob.Key
	until time.Time
}

const (
	spareKeys = 64
	spareTime = time.Hour   // that a row waits for a session
	spareLeft = time.Minute // at least, when a session takes it
)

// endSpares ends the spare keys of a process that died, which on SQLite was
// the only one: a session that took one may have been lost with its power, and
// its object wait for nobody. On a full disk they end by themselves.
func (db *DB) endSpares(ctx context.Context) error {
	err := db.group.do(ctx, execAlone(`UPDATE upload SET until = 0 WHERE owner = ''`))
	if isFull(err) {
		return nil
	}
	return err
}

// take returns a key with its row, which is durable.
func (p *spares) take(ctx context.Context, db *DB) (spare, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.old(db) {
		p.free = nil
	}
	if len(p.free) == 0 {
		var err error
		if p.free, err = db.reserveKeys(ctx); err != nil {
			return spare{}, err
		}
	}
	last := len(p.free) - 1
	s := p.free[last]
	p.free = p.free[:last]
	return s, nil
}

// old reports whether what is left, all of one age, is about to expire.
func (p *spares) old(db *DB) bool {
	return len(p.free) > 0 && p.free[0].until.Sub(db.time()) < spareLeft
}

// reserveKeys records new keys.
func (db *DB) reserveKeys(ctx context.Context) (made []spare, err error) {
	err = db.update(ctx, func(t *tx) error {
		made = make([]spare, spareKeys)
		values, until := make([]string, spareKeys), t.time().Add(spareTime)
		a := args{[]byte{}, micros(until)}
		for n := range made {
			made[n] = spare{id: easel.NewUUID(t.time()), key: blob.NewKey(), until: until}
			values[n] = "(" + a.add(made[n].id) + ", " + a.add(string(made[n].key)) + ", '', '', '', 0, $1, $1, $2)"
		}
		_, err := t.exec(`INSERT INTO upload (id, storage_key, repo, owner, algorithm, size, hash, writer, until) VALUES `+strings.Join(values, ", "), a...)
		return err
	})
	return made, err
}

// dropOld forgets keys that are about to expire and that no session has taken,
// with their rows: nothing can have been written under them.
func (p *spares) dropOld(ctx context.Context, db *DB) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.old(db) {
		return nil
	}
	return p.drop(ctx, db)
}

// dropAll is dropOld for a catalogue that closes.
func (p *spares) dropAll(ctx context.Context, db *DB) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	return p.drop(ctx, db)
}

func (p *spares) drop(ctx context.Context, db *DB) error {
	ids := make([]string, len(p.free))
	for n, s := range p.free {
		ids[n] = s.id
	}
	p.free = nil
	return db.update(ctx, func(t *tx) error {
		var a args
		_, err := t.exec(`DELETE FROM upload WHERE owner = '' AND id IN (`+addAll(&a, ids)+`)`, a...)
		return err
	})
}
