package registry

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"easel"
	"easel/internal/catalog"
)

// maxAudit is the most records one call returns.
const maxAudit = 1000

// Audit returns records of the caller's domain, newest first, at most 1000.
// Errors: Unauthenticated and Denied "audit" for whoever is no administrator.
func (s *Service) Audit(ctx context.Context, q catalog.AuditQuery) ([]catalog.AuditRecord, error) {
	who, err := auditor(ctx)
	if err != nil {
		return nil, err
	}
	q.Domain, q.Limit = who.DomainID, min(q.Limit, maxAudit)
	return s.catalog.Audit(ctx, q)
}

// ReceiptSigner vouches for receipts and for heads of the audit trail with a
// key that belongs to the installation.
type ReceiptSigner interface {
	SignReceipt(ctx context.Context, text []byte) (signature []byte, err error)
	ReceiptKey(ctx context.Context) (ed25519.PublicKey, error)
}

// SignedReceipt is a receipt with its proof.
type SignedReceipt struct {
	Text      []byte // JSON of easel.Receipt, as the deletion stored it
	Signature []byte // Ed25519, over Text
	Key       string // KeyID of the key that signed
}

// Receipt returns what a deletion in the caller's domain did: the id is known
// to whoever deleted, and to whoever may read the audit trail. Errors:
// Unauthenticated; NotFound "receipt".
func (s *Service) Receipt(ctx context.Context, id string) (SignedReceipt, error) {
	who := easel.PrincipalFrom(ctx)
	if who.Anonymous() {
		return SignedReceipt{}, easel.E(easel.Unauthenticated, "receipt", "log in to read receipts")
	}
	text, err := s.catalog.Receipt(ctx, who.DomainID, id)
	if err != nil {
		return SignedReceipt{}, err
	}
	signature, err := s.o.Receipts.SignReceipt(ctx, text)
	if err != nil {
		return SignedReceipt{}, fmt.Errorf("sign receipt %s: %w", id, err)
	}
	key, err := s.o.Receipts.ReceiptKey(ctx)
	return SignedReceipt{Text: text, Signature: signature, Key: KeyID(key)}, err
}

// ReceiptKey returns the key that receipts can be verified with. It is no
// secret, but nobody is told who has not logged in. Errors: Unauthenticated.
func (s *Service) ReceiptKey(ctx context.Context) (ed25519.PublicKey, error) {
	if easel.PrincipalFrom(ctx).Anonymous() {
		return nil, easel.E(easel.Unauthenticated, "receipt", "log in to read the key of receipts")
	}
	return s.o.Receipts.ReceiptKey(ctx)
}

// KeyID names a key: the first 16 hex digits of the SHA-256 of its bytes.
func KeyID(key ed25519.PublicKey) string {
	return easel.DigestOf(easel.SHA256, key).Hex()[:16]
}
