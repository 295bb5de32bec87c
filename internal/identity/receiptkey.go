package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
)

// receiptKeySetting is the name under which the seed of the key that signs
// receipts is stored, sealed.
const receiptKeySetting = "receipt-key"

// SignReceipt returns the Ed25519 signature of the stored text of a receipt,
// or of a head of the audit trail, which says that it is one. The key is used
// for nothing else.
func (s *Service) SignReceipt(ctx context.Context, text []byte) ([]byte, error) {
	key, err := s.receiptKey(ctx)
	if err != nil {
		return nil, err
	}
	return ed25519.Sign(key, text), nil
}

// ReceiptKey returns the public key that belongs to SignReceipt.
func (s *Service) ReceiptKey(ctx context.Context) (ed25519.PublicKey, error) {
	key, err := s.receiptKey(ctx)
	if err != nil {
		return nil, err
	}
	return key.Public().(ed25519.PublicKey), nil
}

// receiptKey returns the key of this installation, made when it is first
// needed.
func (s *Service) receiptKey(ctx context.Context) (ed25519.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receipts != nil {
		return s.receipts, nil
	}
	seed, err := s.storedSecret(ctx, receiptKeySetting)
	if err != nil {
		return nil, fmt.Errorf("read the key of receipts: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the stored key of receipts has %d bytes, not %d", len(seed), ed25519.SeedSize)
	}
	s.receipts = ed25519.NewKeyFromSeed([]byte(seed))
	return s.receipts, nil
}

// storedSecret returns 32 random bytes that belong to the installation: made
// when they are first asked for, shared by all replicas and stored sealed.
func (s *Service) storedSecret(ctx context.Context, name string) (string, error) {
	sealed, ok, err := s.catalog.Setting(ctx, name)
	if err == nil && !ok {
		secret := make([]byte, 32)
		rand.Read(secret)
		var mine []byte
		if mine, err = s.seal(name, string(secret)); err == nil {
			sealed, err = s.catalog.InitSetting(ctx, name, mine)
		}
	}
	if err != nil {
		return "", err
	}
	return s.open(name, sealed)
}
