package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// sealEvery is how long an audit record waits, at most, until it is a part of
// its chain, while the database has no more than that to do.
const sealEvery = time.Second

// Seal makes audit records a part of the chain of their domain until ctx
// ends, and once more then. Any number of processes may run it at once.
func (s *Service) Seal(ctx context.Context) {
	for {
		if _, err := s.catalog.SealAudit(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.ErrorContext(ctx, "audit records could not be sealed; it is tried again", "err", err)
		}
		if !pause(ctx, sealEvery) {
			if _, err := s.catalog.SealAudit(context.WithoutCancel(ctx)); err != nil {
				s.o.Log.ErrorContext(ctx, "the last audit records were not sealed; the next start does it", "err", err)
			}
			return
		}
	}
}

// SignedHead is the head of a domain's audit trail with its proof.
type SignedHead struct {
	Head      catalog.AuditHead
	Text      []byte // JSON of headText: what was signed
	Signature []byte // Ed25519, over Text
	Key       string // KeyID of the key that signed
}

// headText says first what it is: the same key signs receipts.
type headText struct {
	Kind     string    `json:"kind"` // "audit head"
	DomainID string    `json:"domain_id"`
	Domain   string    `json:"domain"`
	Seq      int64     `json:"seq"`
	Hash     string    `json:"hash"` // hex
	At       time.Time `json:"at"`
}

// AuditHead returns how far the audit trail of the caller's domain is sealed.
// Errors: those of Audit.
func (s *Service) AuditHead(ctx context.Context) (SignedHead, error) {
	who, err := auditor(ctx)
	if err != nil {
		return SignedHead{}, err
	}
	h, err := s.catalog.AuditHead(ctx, who.DomainID)
	if err != nil {
		return SignedHead{}, err
	}
	text, err := json.Marshal(headText{"audit head", who.DomainID, who.DomainName, h.Seq, hex.EncodeToString(h.Hash), s.o.Clock().UTC().Truncate(time.Millisecond)})
	if err != nil {
		return SignedHead{}, err
	}
	signature, err := s.o.Receipts.SignReceipt(ctx, text)
	if err != nil {
		return SignedHead{}, fmt.Errorf("sign the head of the audit trail: %w", err)
	}
	key, err := s.o.Receipts.ReceiptKey(ctx)
	return SignedHead{Head: h, Text: text, Signature: signature, Key: KeyID(key)}, err
}

// maxVerified is how many records one call of VerifyAudit looks at.
const maxVerified = 20_000

// Verified is what VerifyAudit found out about a part of the chain.
type Verified struct {
	From, Checked int64 // the first number, and how many records fit
	Head          catalog.AuditHead
	Unsealed      catalog.AuditUnsealed
	Finding       *catalog.AuditFinding // nil: everything fits
	Next          int64                 // where to go on; 0: that was all
}

// VerifyAudit computes the chain of the caller's domain anew, 20,000 records
// at a time, from the number from, 1 being the first. kept, if not nil, is a head
// that was kept outside. Errors: those of Audit.
func (s *Service) VerifyAudit(ctx context.Context, from int64, kept *catalog.AuditHead) (v Verified, err error) {
	who, err := auditor(ctx)
	if err != nil {
		return v, err
	}
	v.From = from
	if v.Head, err = s.catalog.AuditHead(ctx, who.DomainID); err != nil {
		return v, err
	}
	span := catalog.AuditSpan{Domain: who.DomainID, From: from, Limit: maxVerified, To: v.Head, Kept: kept}
	checked, finding, err := s.catalog.CheckAudit(ctx, span)
	v.Checked, v.Finding = int64(checked), finding
	if err != nil || finding != nil {
		return v, err
	}
	if next := from + v.Checked; next <= v.Head.Seq {
		v.Next = next
		return v, nil
	}
	if v.Finding, err = s.catalog.CheckAuditEnd(ctx, span); err != nil {
		return v, err
	}
	v.Unsealed, err = s.catalog.AuditUnsealed(ctx, who.DomainID)
	return v, err
}

// AuditSeq returns the place of a record in the chain of the caller's domain.
// Errors: those of Audit; NotFound "audit record".
func (s *Service) AuditSeq(ctx context.Context, id string) (int64, error) {
	who, err := auditor(ctx)
	if err != nil {
		return 0, err
	}
	return s.catalog.AuditSeq(ctx, who.DomainID, id)
}

// auditor returns the caller, who may read the audit trail of its domain.
func auditor(ctx context.Context) (easel.Principal, error) {
	who := easel.PrincipalFrom(ctx)
	return who, policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Administer, "audit", "the audit trail")
}
