package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"easel/internal/client"
)

type auditVerify struct {
	viewer `embed:""`
	From   string `env:"-" placeholder:"ID" help:"Begin with this record: its id or number. The hash before it is believed."`
	Head   string `env:"-" placeholder:"SEQ:HASH" help:"A head that was kept, or a file with one: it must be a part of the chain."`
}

// Help is the text below the flags.
func (auditVerify) Help() string {
	return `Each record of the audit trail is sealed with a hash over the record before it and itself. This computes all of them anew
and names the first that does not fit. Exit code 0: all fit; 1: one does not; 2: it could not be looked at.

Whoever can write to the database can also make a whole new chain. Keep a head elsewhere now and then, and compare:

  easel audit head > /mnt/elsewhere/head
  easel audit verify --head /mnt/elsewhere/head`
}

// verified is what the server found out about a part of the chain.
type verified struct {
	From     int64      `json:"from"`
	Checked  int64      `json:"checked"`
	Head     auditPoint `json:"head"`
	Unsealed int64      `json:"unsealed"`
	Since    *time.Time `json:"unsealed_since"`
	Finding  *struct {
		Seq    int64  `json:"seq"`
		ID     string `json:"id"`
		Detail string `json:"detail"`
	} `json:"finding"`
	Next int64 `json:"next,omitempty"`
}

// auditPoint is a place in the chain.
type auditPoint struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Run verifies and prints what does not fit.
func (c *auditVerify) Run(ctx context.Context, s *streams) error {
	v, err := c.verify(ctx, s)
	if err == nil {
		err = printer{w: s.out, format: c.Output}.print(v, func(w io.Writer) { v.write(w, c.Head != "") })
	}
	if err != nil {
		report(s.err, fmt.Errorf("the audit trail could not be verified: %w", err))
		return exit(exitNoCheck)
	}
	if v.Finding != nil {
		return exit(exitFailed)
	}
	return nil
}

// verify asks until all was looked at, and adds up.
func (c *auditVerify) verify(ctx context.Context, s *streams) (sum verified, err error) {
	query, kept := url.Values{}, int64(0)
	set(query, "from", c.From)
	if c.Head != "" {
		head, err := keptHead(c.Head)
		if err != nil {
			return sum, err
		}
		query.Set("head", head)
		number, _, _ := strings.Cut(head, ":")
		kept, _ = strconv.ParseInt(number, 10, 64) // the server says what is wrong with it
	}
	ses, err := c.open(s)
	if err != nil {
		return sum, err
	}
	defer ses.Close()
	for first := int64(0); ; {
		var v verified
		if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/audit/verify", Query: query, Out: &v}); err != nil {
			return sum, err
		}
		if first == 0 {
			first = v.From
		}
		if kept > 0 && kept < first {
			return sum, fmt.Errorf("the head that was kept is of record %d, before --from %d: begin earlier", kept, first)
		}
		v.From, v.Checked = first, sum.Checked+v.Checked
		if sum = v; v.Next == 0 || v.Finding != nil {
			sum.Next = 0
			return sum, nil
		}
		query.Set("from", strconv.FormatInt(v.Next, 10))
	}
}

// write writes the outcome for people.
func (v verified) write(w io.Writer, compared bool) {
	if f := v.Finding; f != nil {
		fmt.Fprintf(w, "Record %d does not fit: %s.\n", f.Seq, f.Detail)
		if f.ID != "" {
			fmt.Fprintf(w, "Its id is %s.\n", f.ID)
		}
		fmt.Fprintf(w, "%s before it, from %d on, fit.\n", plural(int(v.Checked), "record"), v.From)
		return
	}
	fmt.Fprintf(w, "%s from %d on: all fit.\n", plural(int(v.Checked), "record"), v.From)
	if compared {
		fmt.Fprintln(w, "The head that was kept is a part of the chain.")
	}
	fmt.Fprintf(w, "The head is %s\n", v.Head)
	if v.Unsealed > 0 {
		fmt.Fprintf(w, "%s not sealed yet, the oldest of %s.\n", plural(int(v.Unsealed), "record"), v.Since.UTC().Format("2006-01-02 15:04:05 MST"))
	}
}

// String writes the place as --head takes it.
func (p auditPoint) String() string { return fmt.Sprintf("%d:%s", p.Seq, p.Hash) }

// keptHead returns the head that text is, or that is in the file text names:
// as easel audit head printed it, in either form.
func keptHead(text string) (string, error) {
	if number, hash, ok := strings.Cut(text, ":"); ok && len(hash) == 64 {
		if _, err := strconv.ParseInt(number, 10, 64); err == nil {
			return text, nil
		}
	}
	content, err := os.ReadFile(text)
	if err != nil {
		return "", fmt.Errorf("--head %.100q is neither SEQ:HASH nor a file: %w", text, err)
	}
	var point auditPoint
	if json.Unmarshal(content, &point) == nil && point.Hash != "" {
		return point.String(), nil
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
	if len(line) > 100 || !strings.Contains(line, ":") {
		return "", errors.New("--head: the file has no head in it")
	}
	return line, nil
}

type auditHead struct {
	viewer `embed:""`
}

// Help is the text below the flags.
func (auditHead) Help() string {
	return `With -o json the head comes with a signature by the key of receipts (easel receipt key), for whoever must not take
the keeper's word for it.`
}

// signedHead is the head of the audit trail as the server sends it.
type signedHead struct {
	auditPoint
	Signed    []byte `json:"signed"`
	Signature []byte `json:"signature"`
	Key       string `json:"key_id"`
}

// Run prints the head.
func (c *auditHead) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var head signedHead
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/audit/head", Out: &head}); err != nil {
		return err
	}
	if head.Seq == 0 {
		return errors.New("nothing is sealed yet: try again in a few seconds")
	}
	return ses.print(head, func(w io.Writer) { fmt.Fprintln(w, head.auditPoint) })
}
