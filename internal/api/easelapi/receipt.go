package easelapi

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/registry"
)

// receipt answers a receipt with its proof.
func (s *server) receipt(w http.ResponseWriter, r *http.Request) error {
	signed, err := s.o.Content.Receipt(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	var receipt easel.Receipt
	if err := json.Unmarshal(signed.Text, &receipt); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Receipt   easel.Receipt `json:"receipt"`
		Signed    []byte        `json:"signed"`    // base64
		Signature []byte        `json:"signature"` // base64
		Key       string        `json:"key_id"`
	}{lists(receipt), signed.Text, signed.Signature, signed.Key})
}

// receiptKey answers the public key, in the form that other programs read.
func (s *server) receiptKey(w http.ResponseWriter, r *http.Request) error {
	key, err := s.o.Content.ReceiptKey(r.Context())
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]string{
		"key_id": registry.KeyID(key), "algorithm": "Ed25519", "pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
}
