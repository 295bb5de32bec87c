package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/failpoint"
	"easel/internal/policy"
)

// Manifest is a stored manifest, byte for byte as it was pushed.
type Manifest struct {
	Digest    easel.Digest
	MediaType string
	Body      []byte
}

// Manifest finds a manifest. A caller whose registry token allows pushing here,
// and whose rights still do, is pushing something that names it: the
// manifest is pinned first. Errors: NotFound "repository" or "manifest".
func (s *Service) Manifest(ctx context.Context, repo easel.Repo, ref easel.Ref) (Manifest, error) {
	g, err := s.grants(ctx, policy.Pull, repo)
	if err != nil {
		return Manifest{}, err
	}
	who := easel.PrincipalFrom(ctx)
	var m catalog.StoredManifest
	if who.Scopes != nil && policy.Check(who, g, policy.Push, "repository", string(repo)) == nil {
		m, err = s.catalog.PinManifest(ctx, who, repo, ref)
	} else {
		m, err = s.catalog.Manifest(ctx, repo, ref)
	}
	return Manifest{Digest: m.Digest, MediaType: m.MediaType, Body: m.Body}, err
}

// ManifestPush is a manifest as a client sends it.
type ManifestPush struct {
	Ref         easel.Ref   // a digest is verified; a tag means the SHA-256 of Body
	Tags        []easel.Tag // further tags that shall name it
	ContentType string
	Body        []byte
}

// Pushed says what PutManifest stored.
type Pushed struct {
	Digest  easel.Digest
	Subject easel.Digest // of a referrer; else ""
}

// PutManifest stores a manifest and points tags at it. Errors: Invalid
// "manifest" for what cannot be parsed, Invalid "digest" for a body that is
// not what the reference says, Invalid "manifest blob" when it names what the
// repository does not have, TooLarge, NoSpace, NotFound "organisation".
func (s *Service) PutManifest(ctx context.Context, repo easel.Repo, p ManifestPush) (Pushed, error) {
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return Pushed{}, err
	}
	m, err := easel.ParseManifest(p.ContentType, p.Body)
	if err != nil {
		return Pushed{}, err
	}
	algorithm := easel.SHA256
	if p.Ref.Digest != "" {
		algorithm = p.Ref.Digest.Algorithm()
	}
	digest := easel.DigestOf(algorithm, p.Body)
	if p.Ref.Digest != "" && p.Ref.Digest != digest {
		return Pushed{}, easel.E(easel.Invalid, "digest", "the manifest has the digest %s, not %s", digest, p.Ref.Digest)
	}
	if err := s.room(int64(len(p.Body))); err != nil {
		return Pushed{}, err
	}
	tags := p.Tags
	if p.Ref.Tag != "" {
		tags = append([]easel.Tag{p.Ref.Tag}, tags...)
	}
	put := catalog.ManifestPut{Repo: repo, Digest: digest, Tags: tags, Manifest: m}
	failpoint.Hit("manifest.put")
	if err := s.catalog.PutManifest(ctx, easel.PrincipalFrom(ctx), put); err != nil {
		return Pushed{}, err
	}
	failpoint.Hit("manifest.stored")
	pushed := Pushed{Digest: digest}
	if m.Subject != nil {
		pushed.Subject = m.Subject.Digest
	}
	return pushed, nil
}
