package easelapi

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// head is the end of the sealed audit trail on the wire.
type head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

func headOf(h catalog.AuditHead) head { return head{h.Seq, hex.EncodeToString(h.Hash)} }

// auditHead answers the head of the caller's audit trail with its proof.
func (s *server) auditHead(w http.ResponseWriter, r *http.Request) error {
	signed, err := s.o.Content.AuditHead(r.Context())
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		head
		Signed    []byte `json:"signed"`    // base64
		Signature []byte `json:"signature"` // base64
		Key       string `json:"key_id"`
	}{headOf(signed.Head), signed.Text, signed.Signature, signed.Key})
}

// finding is a place where the chain does not fit.
type finding struct {
	Seq    int64  `json:"seq"`
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

// verifyAudit computes a part of the chain anew.
func (s *server) verifyAudit(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	kept, err := keptHead(query)
	if err != nil {
		return err
	}
	from, err := s.verifyFrom(r, query)
	if err != nil {
		return err
	}
	v, err := s.o.Content.VerifyAudit(r.Context(), from, kept)
	if err != nil {
		return err
	}
	out := struct {
		From      int64      `json:"from"`
		Checked   int64      `json:"checked"`
		Head      head       `json:"head"`
		Unsealed  int64      `json:"unsealed"`
		OldestOne *time.Time `json:"unsealed_since"`
		Finding   *finding   `json:"finding"`
		Next      int64      `json:"next"`
	}{From: v.From, Checked: v.Checked, Head: headOf(v.Head), Unsealed: v.Unsealed.Records, Next: v.Next}
	if v.Unsealed.Records > 0 {
		out.OldestOne = &v.Unsealed.Oldest
	}
	if v.Finding != nil {
		out.Finding = &finding{v.Finding.Seq, v.Finding.ID, v.Finding.Detail}
	}
	return api.WriteJSON(w, http.StatusOK, out)
}

// verifyFrom returns the number of the record to begin with: from is a
// number or the id of a record.
func (s *server) verifyFrom(r *http.Request, query url.Values) (int64, error) {
	text := query.Get("from")
	if text == "" {
		return 1, nil
	}
	if easel.IsUUID(text) {
		return s.o.Content.AuditSeq(r.Context(), text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, easel.E(easel.Invalid, "parameter", "from must be the id or the number of a record, not %.40q", text)
	}
	return n, nil
}

// keptHead reads a head that was kept: SEQ:HASH.
func keptHead(query url.Values) (*catalog.AuditHead, error) {
	text := query.Get("head")
	if text == "" {
		return nil, nil
	}
	number, digits, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	hash, wrong := hex.DecodeString(digits)
	if err != nil || wrong != nil || seq < 1 || len(hash) != 32 {
		return nil, easel.E(easel.Invalid, "parameter", "head must be SEQ:HASH as easel audit head prints it, not %.100q", text)
	}
	return &catalog.AuditHead{Seq: seq, Hash: hash}, nil
}
