package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"easel"
	"easel/internal/adopt"
	"easel/internal/client"
)

// imported is what became of a repository.
type imported struct {
	Name      string   `json:"repository"`
	Target    string   `json:"target"`    // "": it cannot be imported
	Manifests int      `json:"manifests"` // pushed
	Tags      int      `json:"tags"`      // pushed
	There     int      `json:"manifests_there_before"`
	Blobs     int      `json:"blobs"` // sent
	Bytes     int64    `json:"bytes"` // sent
	Mounted   int      `json:"blobs_mounted"`
	Skipped   []string `json:"skipped"` // what, and why

	to   easel.Repo
	from adopt.Repository
}

func (r *imported) skip(format string, args ...any) {
	r.Skipped = append(r.Skipped, fmt.Sprintf(format, args...))
}

// importAll pushes what was read to the server.
func (c *adoptCommand) importAll(ctx context.Context, s *streams, t *adopt.Tree, names map[string]easel.Org) error {
	all := c.targets(t, names)
	if !c.DryRun {
		if err := c.push(ctx, s, t, all); err != nil {
			return err
		}
	}
	if err := (printer{w: s.out, format: c.Output}).print(all, func(w io.Writer) { writeImported(w, all, c.DryRun) }); err != nil {
		return err
	}
	for _, r := range all {
		if len(r.Skipped) > 0 {
			return exit(exitFailed)
		}
	}
	return nil
}

// targets decides where repositories go. Two that would go to the same place
// are not mixed.
func (c *adoptCommand) targets(t *adopt.Tree, names map[string]easel.Org) []*imported {
	all, taken := []*imported{}, map[easel.Repo]string{}
	for _, from := range t.Repositories(c.Untagged) {
		r := &imported{Name: from.Name, Skipped: []string{}, from: from}
		all = append(all, r)
		to, err := target(from.Name, names)
		if other, twice := taken[to]; err == nil && twice {
			err = fmt.Errorf("%s goes to %s already", other, to)
		}
		if err != nil {
			r.skip("the repository: %v", err)
			continue
		}
		taken[to] = from.Name
		r.to, r.Target = to, string(to)
	}
	return all
}

// push makes the organisations and pushes repository by repository. What one
// refuses does not keep the others from coming.
func (c *adoptCommand) push(ctx context.Context, s *streams, t *adopt.Tree, all []*imported) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if ses.ProjectName == "" {
		if _, ses.ProjectName, err = findProject(ctx, ses.Client, ses.ProjectID); err != nil {
			return err
		}
	}
	if c.CreateOrgs {
		if err := ses.createOrgs(ctx, orgsOf(all)); err != nil {
			return err
		}
	}
	m := newMeter(s)
	defer m.end()
	p := &importer{tree: t, to: ses.Client.Registry(ses.ProjectName), homes: map[easel.Digest]easel.Repo{}, progress: m.count("importing")}
	for n, r := range all {
		p.progress(n, len(all))
		if r.to == "" {
			continue
		}
		if err := p.repository(ctx, r); err != nil {
			if ctx.Err() != nil || !refusedOne(err) {
				return fmt.Errorf("%s: %w\nRun it again to go on", r.Name, err)
			}
			if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusForbidden) {
				err = fmt.Errorf("the organisation %s does not exist (--create-orgs makes it), or you may not push to it", r.to.Org())
			}
			r.skip("the rest of the repository: %v", err)
		}
	}
	p.progress(len(all), len(all))
	return nil
}

// refusedOne reports whether err is about one repository, and others may do
// better.
func refusedOne(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests
}

// createOrgs makes organisations that are not there.
func (s *session) createOrgs(ctx context.Context, orgs []easel.Org) error {
	for _, org := range orgs {
		_, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: orgsPath + "/" + string(org)})
		if client.IsStatus(err, http.StatusNotFound) {
			_, err = s.Do(ctx, client.Call{Method: http.MethodPost, Path: orgsPath, In: map[string]string{"namespace": string(org)}})
		}
		if err != nil {
			return fmt.Errorf("the organisation %s: %w", org, err)
		}
	}
	return nil
}

// importer pushes repositories.
type importer struct {
	tree     *adopt.Tree
	to       *client.Registry
	homes    map[easel.Digest]easel.Repo // where blobs were pushed to first
	progress func(done, total int)
}

// repository pushes the manifests of one, each after its blobs.
func (p *importer) repository(ctx context.Context, r *imported) error {
	failed := map[easel.Digest]bool{}
	for _, m := range r.from.Manifests {
		why := m.Broken
		for _, child := range m.Children {
			if why == "" && failed[child] {
				why = "a manifest that it names was not imported"
			}
		}
		if why == "" {
			err := p.manifest(ctx, r, m)
			if err != nil && (!refusedOne(err) || client.IsStatus(err, http.StatusForbidden) || client.IsStatus(err, http.StatusUnauthorized)) {
				return err
			}
			if err != nil {
				why = err.Error()
			}
		}
		if why != "" {
			failed[m.Digest] = true
			r.skip("%s: %s", called(m), why)
		}
	}
	return nil
}

func called(m *adopt.Manifest) string {
	if len(m.Tags) > 0 {
		return m.Tags[0] + " (" + string(m.Digest) + ")"
	}
	return string(m.Digest)
}

// manifest pushes a manifest under its tags, or by digest, unless all of that
// is there.
func (p *importer) manifest(ctx context.Context, r *imported, m *adopt.Manifest) error {
	refs := make([]string, 0, len(m.Tags)+1)
	for _, tag := range m.Tags {
		if _, err := easel.ParseTag(tag); err != nil {
			r.skip("the tag %.140q: it is no tag that Easel takes", tag)
			continue
		}
		refs = append(refs, tag)
	}
	tags := len(refs)
	if tags == 0 {
		refs = append(refs, string(m.Digest))
	}
	missing := refs[:0:0]
	for _, ref := range refs {
		have, err := p.to.ManifestDigest(ctx, r.to, ref)
		if err != nil {
			return err
		}
		if have != m.Digest {
			missing = append(missing, ref)
		}
	}
	if len(missing) == 0 {
		r.There++
		return nil
	}
	for _, b := range m.Blobs {
		if err := p.blob(ctx, r, b.Digest); err != nil {
			return err
		}
	}
	body, err := p.tree.Body(m)
	if err != nil {
		return err
	}
	for _, ref := range missing {
		if err := p.to.PutManifest(ctx, r.to, ref, m.MediaType, body); err != nil {
			return err
		}
	}
	r.Manifests++
	if tags > 0 {
		r.Tags += len(missing)
	}
	return nil
}

// blob sends a blob, unless the repository has it or can have it from another.
func (p *importer) blob(ctx context.Context, r *imported, digest easel.Digest) error {
	has, err := p.to.HasBlob(ctx, r.to, digest)
	if err != nil {
		return err
	}
	home, known := p.homes[digest]
	if !known {
		p.homes[digest] = r.to
	}
	if has {
		return nil
	}
	if known && home != r.to {
		mounted, err := p.to.Mount(ctx, r.to, home, digest)
		if mounted {
			r.Mounted++
		}
		if err != nil || mounted {
			return err
		}
	}
	first, bytes, err := p.tree.Blob(r.Name, digest)
	if err != nil {
		return err
	}
	first.Close()
	err = p.to.PutBlob(ctx, r.to, digest, bytes, func() (io.ReadCloser, error) {
		f, _, err := p.tree.Blob(r.Name, digest)
		return f, err
	})
	if err == nil {
		r.Blobs++
		r.Bytes += bytes
	}
	return err
}

// writeImported writes for people what was imported.
func writeImported(w io.Writer, all []*imported, dry bool) {
	if dry {
		row(w, "REPOSITORY", "WOULD GO TO", "MANIFESTS")
		for _, r := range all {
			row(w, r.Name, dash(r.Target), len(r.from.Manifests))
		}
	} else {
		row(w, "REPOSITORY", "TARGET", "MANIFESTS", "TAGS", "THERE BEFORE", "BLOBS SENT", "BYTES SENT", "SKIPPED")
		for _, r := range all {
			row(w, r.Name, dash(r.Target), r.Manifests, r.Tags, r.There, r.Blobs, size(r.Bytes), len(r.Skipped))
		}
	}
	for _, r := range all {
		for _, why := range r.Skipped {
			fmt.Fprintf(w, "%s: skipped %s\n", r.Name, why)
		}
	}
}
