package catalog

import (
	"context"
	"database/sql"
	"sync"
)

// prepared is a querier for SQLite that keeps the statements it has prepared:
// parsing was a quarter of the time of a small push. (PostgreSQL's driver
// does this by itself.) The texts are few, because lists in them come in
// powers of two; those beyond the bound run without being kept.
type prepared struct {
	on interface {
		querier
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	}
	observe func(query string) // if set, is told each statement before it runs
	mu      sync.RWMutex
	kept    map[string]*sql.Stmt
}

// maxPrepared bounds the kept texts; each costs a few KiB per connection.
const maxPrepared = 1000

func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if p.observe != nil {
		p.observe(query)
	}
	p.mu.RLock()
	s, full := p.kept[query], len(p.kept) >= maxPrepared
	p.mu.RUnlock()
	if s != nil || full {
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.kept[query]; s != nil {
		return s, nil
	}
	s, err := p.on.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	if p.kept == nil {
		p.kept = map[string]*sql.Stmt{}
	}
	p.kept[query] = s
	return s, nil
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return p.on.ExecContext(ctx, query, args...)
	}
	return s.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return p.on.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.statement(ctx, query)
	if s == nil || err != nil { // the same error comes again from here
		return p.on.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

// close lets go of the statements.
func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.kept {
		s.Close()
	}
	p.kept = nil
}
