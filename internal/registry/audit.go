package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// maxAudit is the most records one call returns.
const maxAudit = 1000

// Audit returns records of the caller's domain, newest first, at most 1000.
// Errors: Unauthenticated and Denied "audit" for whoever is no administrator.
func (s *Service) Audit(ctx context.Context, q catalog.AuditQuery) ([]catalog.AuditRecord, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Administer, "audit", "the audit trail"); err != nil {
		return nil, err
	}
	q.Domain, q.Limit = who.DomainID, min(q.Limit, maxAudit)
	return s.catalog.Audit(ctx, q)
}

// Receipt returns what a deletion in the caller's domain did: the id is known
// to whoever deleted, and to whoever may read the audit trail. Errors:
// Unauthenticated; NotFound "receipt".
func (s *Service) Receipt(ctx context.Context, id string) (easel.Receipt, error) {
	who := easel.PrincipalFrom(ctx)
	if who.Anonymous() {
		return easel.Receipt{}, easel.E(easel.Unauthenticated, "receipt", "log in to read receipts")
	}
	return s.catalog.Receipt(ctx, who.DomainID, id)
}
