package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

func TestReceiptKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	public, err := f.ReceiptKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"id":"1"}`)
	signature, err := f.SignReceipt(t.Context(), text)
	if err != nil || !ed25519.Verify(public, text, signature) {
		t.Errorf("the signature does not verify (%v)", err)
	}
	if ed25519.Verify(public, []byte(`{"id":"2"}`), signature) {
		t.Error("the signature verifies another text")
	}

	replica := New(f.o)
	again, err := replica.ReceiptKey(t.Context())
	if err != nil || !bytes.Equal(again, public) {
		t.Errorf("a second process has another key (%v)", err)
	}
	stranger := f.o
	stranger.MasterKey = bytes.Repeat([]byte{1}, masterKeySize)
	if _, err := New(stranger).ReceiptKey(t.Context()); !errors.Is(err, errWrongMasterKey) {
		t.Errorf("with another master key: %v", err)
	}
	stored, _, err := f.catalog.Setting(t.Context(), receiptKeySetting)
	if err != nil || bytes.Contains(stored, f.receipts.Seed()) {
		t.Errorf("the key is stored in the clear (%v)", err)
	}
}
