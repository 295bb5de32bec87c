package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// CheckOptions say how thorough a check is.
type CheckOptions struct {
	Rehash bool // read every object and manifest and compare the digest
	Repair bool // mend what can be mended
	// Progress, if set, is told what has been read, in bytes.
	Progress func(read int64)
}

// Report is what a check found.
type Report struct {
	Objects   int               `json:"objects"` // in the store
	Bytes     int64             `json:"bytes"`
	Manifests int               `json:"manifests"` // re-hashed
	Rehashed  int64             `json:"bytes_rehashed"`
	Findings  []catalog.Finding `json:"findings"` // empty: the invariant holds
}

// Check proves, on a running server, that every object in the store is named
// by exactly one row and that every blob has its object. It lists the store
// first and reads the tables afterwards: a key is recorded before its object
// is made and forgotten after it is unlinked, so whatever differs is asked
// about once more and only then reported. With Repair, objects that nothing
// names become garbage and are unlinked; a blob whose object is missing or
// damaged counts as not there, so that the next push of it heals every image
// that needs it. Administrators only.
func (s *Service) Check(ctx context.Context, o CheckOptions) (Report, error) {
	if err := policy.Check(easel.PrincipalFrom(ctx), easel.Grants{}, policy.Operate, "registry", "check"); err != nil {
		return Report{}, err
	}
	c := checker{s: s, o: o, stored: map[blob.Key]int64{}}
	c.report.Findings = []catalog.Finding{}
	for _, step := range []func(context.Context) error{c.list, c.compare, c.strays, c.manifests, c.trashed, c.verify} {
		if err := step(ctx); err != nil {
			return c.report, err
		}
	}
	if o.Repair {
		return c.report, s.unlinkDue(ctx, &Reclaimed{})
	}
	return c.report, nil
}

// checker is one check under way.
type checker struct {
	s      *Service
	o      CheckOptions
	stored map[blob.Key]int64 // objects listed and not yet found in the tables
	report Report
}

func (c *checker) find(repaired bool, kind, subject, format string, args ...any) {
	c.report.Findings = append(c.report.Findings, catalog.Finding{Kind: kind, Subject: subject, Detail: fmt.Sprintf(format, args...), Repaired: repaired})
}

func (c *checker) list(ctx context.Context) error {
	for info, err := range c.s.blobs.List(ctx) {
		if err != nil {
			return fmt.Errorf("list the store: %w", err)
		}
		if info.Stray != "" {
			c.find(false, "foreign file", info.Stray, "this is no object of Easel's; remove it by hand")
			continue
		}
		c.stored[info.Key] = info.Size
		c.report.Objects++
		c.report.Bytes += info.Size
	}
	return nil
}

const checkPage = 1000

// compare walks all rows that name a key.
func (c *checker) compare(ctx context.Context) error {
	for after := blob.Key(""); ; {
		keys, err := c.s.catalog.StorageKeys(ctx, after, checkPage)
		if err != nil || len(keys) == 0 {
			return err
		}
		after = keys[len(keys)-1].Key
		for _, k := range keys {
			size, there := c.stored[k.Key]
			delete(c.stored, k.Key)
			if k.Table != "blob" || k.Lost {
				continue
			}
			if err := c.blob(ctx, k, size, there); err != nil {
				return err
			}
		}
	}
}

// blob checks one blob row against its object.
func (c *checker) blob(ctx context.Context, k catalog.NamedKey, size int64, there bool) error {
	if there && size == k.Size && !c.o.Rehash {
		return nil
	}
	wrong, err := c.wrong(ctx, k)
	if err != nil || wrong == "" {
		return err
	}
	if now, named, err := c.s.catalog.StorageKey(ctx, k.Key); err != nil || !named || now.Table != "blob" {
		return err // deleted while we looked
	}
	if c.o.Repair {
		if err := c.s.catalog.SetLost(ctx, k.Key); err != nil {
			return err
		}
	}
	c.find(c.o.Repair, "damaged blob", string(k.Digest), "%s; pushing an image that contains it heals it", wrong)
	return nil
}

// wrong says what is wrong with a blob's object, "" when nothing is.
func (c *checker) wrong(ctx context.Context, k catalog.NamedKey) (string, error) {
	o, err := c.s.blobs.Open(ctx, k.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return "its object " + string(k.Key) + " is missing", nil
	}
	if err != nil {
		return "", fmt.Errorf("open object %s: %w", k.Key, err)
	}
	defer o.Close()
	if o.Size() != k.Size {
		return fmt.Sprintf("its object %s has %d bytes instead of %d", k.Key, o.Size(), k.Size), nil
	}
	if !c.o.Rehash {
		return "", nil
	}
	h, _ := easel.NewHash(k.Digest.Algorithm())
	n, err := io.Copy(h, contextReader{ctx, o})
	c.report.Rehashed += n
	if c.o.Progress != nil {
		c.o.Progress(n)
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return fmt.Sprintf("its object %s cannot be read: %v", k.Key, err), nil
	}
	if got := easel.SumDigest(k.Digest.Algorithm(), h); got != k.Digest {
		return fmt.Sprintf("its object %s has the digest %s", k.Key, got), nil
	}
	return "", nil
}

// contextReader ends a long read when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// strays settles the objects that no row named: either the row was dropped
// after the listing, and then the object is gone too, or nobody knows it.
func (c *checker) strays(ctx context.Context) error {
	for key, size := range c.stored {
		_, named, err := c.s.catalog.StorageKey(ctx, key)
		if err != nil {
			return err
		}
		if named {
			continue
		}
		o, err := c.s.blobs.Open(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			o.Close()
		}
		if c.o.Repair {
			if err := c.s.catalog.Discard(ctx, []catalog.Garbage{{Key: key, Size: size}}); err != nil {
				return err
			}
		}
		c.find(c.o.Repair, "leaked object", string(key), "%d bytes that no row names", size)
	}
	return nil
}

// manifests re-hashes manifests, which are rows.
func (c *checker) manifests(ctx context.Context) error {
	if !c.o.Rehash {
		return nil
	}
	for after := int64(0); ; {
		found, err := c.s.catalog.Manifests(ctx, after, 100)
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1].ID
		for _, m := range found {
			c.report.Manifests++
			if got := easel.DigestOf(m.Digest.Algorithm(), m.Body); got != m.Digest {
				c.find(false, "damaged manifest", string(m.Repo)+"@"+string(m.Digest), "its bytes have the digest %s; push the image again under its tag, then delete this one", got)
			}
		}
	}
}

// trashed re-hashes the manifests in trash: a restore makes them again.
func (c *checker) trashed(ctx context.Context) error {
	if !c.o.Rehash {
		return nil
	}
	for after := (catalog.TrashedManifest{}); ; {
		found, err := c.s.catalog.TrashedManifests(ctx, after, 100)
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1]
		for _, m := range found {
			c.report.Manifests++
			if got := easel.DigestOf(m.Digest.Algorithm(), m.Body); got != m.Digest {
				c.find(false, "damaged manifest", m.Receipt+" "+string(m.Repo)+"@"+string(m.Digest), "in trash, its bytes have the digest %s; a restore would bring them back like that: easel trash rm %s", got, m.Receipt)
			}
		}
	}
}

func (c *checker) verify(ctx context.Context) error {
	found, err := c.s.catalog.Verify(ctx, c.o.Repair)
	c.report.Findings = append(c.report.Findings, found...)
	return err
}
