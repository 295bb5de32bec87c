package app

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"easel"
	"easel/internal/client"
)

type receiptCommands struct {
	Show receiptShow `cmd:"" help:"Show what a deletion did, and prove it."`
	Key  receiptKey  `cmd:"" help:"Print the public key that receipts are verified with."`
}

// signedReceipt is a receipt with its proof, as the server sends it.
type signedReceipt struct {
	Receipt   easel.Receipt `json:"receipt"`
	Signed    []byte        `json:"signed"`
	Signature []byte        `json:"signature"`
	Key       string        `json:"key_id"`
}

type receiptShow struct {
	viewer `embed:""`
	ID     string `arg:"" name:"id" help:"Id from the deletion's answer or from easel audit."`
	Verify bool   `env:"-" help:"Check the signature with the server's key."`
	Key    string `env:"-" placeholder:"FILE" help:"Check it with the key in this file, as easel receipt key printed it."`
}

// Help is the text below the flags.
func (receiptShow) Help() string {
	return `Keep the key in a place of your own: then a receipt proves something even if the server cannot be trusted any more.

Examples:

  easel receipt key > easel.pub
  easel receipt show 0198c0de-0000-7000-8000-000000000000 --key easel.pub`
}

// Run prints the receipt that was signed, once it has been verified if that
// was asked for.
func (c *receiptShow) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var signed signedReceipt
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/receipts/" + url.PathEscape(c.ID), Out: &signed}); err != nil {
		return err
	}
	verified := c.Verify || c.Key != ""
	if verified {
		key, err := c.key(ctx, ses)
		if err != nil {
			return err
		}
		if signed.Receipt, err = signed.verify(key, c.ID); err != nil {
			return err
		}
	}
	return ses.print(signed.Receipt, func(w io.Writer) {
		writeWholeReceipt(w, signed.Receipt)
		if verified {
			fmt.Fprintf(w, "The signature of key %s is good.\n", signed.Key)
		}
	})
}

// writeWholeReceipt writes for people who did what, and all that went.
func writeWholeReceipt(w io.Writer, r easel.Receipt) {
	fmt.Fprintf(w, "%s: %s %s, by %s of %s\n", r.At.UTC().Format("2006-01-02 15:04:05 MST"), r.Action, r.Resource, r.Actor, r.Domain)
	for _, i := range r.Images {
		fmt.Fprintf(w, "  image %s  %s\n", i.ID, i.Path)
	}
	for _, tag := range r.Tags {
		fmt.Fprintln(w, "  tag "+tag)
	}
	for _, m := range r.Manifests {
		fmt.Fprintln(w, "  manifest "+m)
	}
	for _, b := range r.Blobs {
		fmt.Fprintf(w, "  blob %s  %s\n", b.Digest, size(b.Size))
	}
	fmt.Fprintf(w, "Freed: %s.\n", size(r.Freed+r.Pending))
	writeKept(w, r)
}

// verify returns the receipt in the bytes that were signed.
func (s signedReceipt) verify(key ed25519.PublicKey, id string) (r easel.Receipt, err error) {
	if !ed25519.Verify(key, s.Signed, s.Signature) {
		return r, fmt.Errorf("the signature of receipt %s is not good: receipt or key is not the server's", id)
	}
	if err := json.Unmarshal(s.Signed, &r); err != nil {
		return r, err
	}
	if r.ID != id {
		return r, fmt.Errorf("the server sent receipt %s, not %s", r.ID, id)
	}
	return r, nil
}

// key reads the key from the file, or asks the server for it.
func (c *receiptShow) key(ctx context.Context, ses *session) (ed25519.PublicKey, error) {
	if c.Key == "" {
		text, err := ses.receiptKey(ctx)
		if err != nil {
			return nil, err
		}
		return parseKey([]byte(text))
	}
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, err
	}
	return parseKey(text)
}

func parseKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no key in PEM form")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("it is no Ed25519 key")
	}
	return key, nil
}

func (s *session) receiptKey(ctx context.Context) (string, error) {
	var out struct {
		PEM string `json:"pem"`
	}
	_, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/receipts/key", Out: &out})
	return out.PEM, err
}

type receiptKey struct {
	account `embed:""`
}

// Run prints the key.
func (c *receiptKey) Run(ctx context.Context, s *streams) error {
	ses, err := (&viewer{account: c.account}).open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	text, err := ses.receiptKey(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.out, text)
	return err
}
