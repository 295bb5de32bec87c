package ociapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"easel"
	"easel/internal/registry"
)

// resource is what a path names.
type resource int

const (
	pingCall resource = iota
	catalogCall
	tagsCall
	referrersCall
	manifestCall
	blobCall
	uploadsCall // where uploads are started
	uploadCall
	numResources
)

// call is a parsed path: everything it says, as values that are valid.
type call struct {
	resource resource
	repo     easel.Repo
	ref      easel.Ref    // of manifest
	digest   easel.Digest // of blob and referrers
	upload   string
}

// parse reads the path of a request. A repository name may contain slashes
// and the words that separate it from the rest, so the path is read from its end.
func parse(u *url.URL) (call, error) {
	path, ok := strings.CutPrefix(u.Path, "/v2/")
	if !ok {
		return call{}, noRoute(u)
	}
	// A slash that was written %2F is part of no name.
	if strings.Count(u.EscapedPath(), "/") != strings.Count(u.Path, "/") {
		return call{}, easel.E(easel.Invalid, "repository", "the path %.200q has an escaped slash", u.EscapedPath())
	}
	switch path {
	case "":
		return call{resource: pingCall}, nil
	case "_catalog":
		return call{resource: catalogCall}, nil
	}
	s := strings.Split(path, "/")
	if n := len(s); n >= 3 {
		name, last := strings.Join(s[:n-2], "/"), s[n-1]
		switch s[n-2] {
		case "manifests":
			return parseManifest(name, last)
		case "referrers":
			return parseDigest(referrersCall, name, last)
		case "tags":
			if last == "list" {
				return parseRepo(tagsCall, name)
			}
		case "blobs":
			if last == "uploads" {
				return parseRepo(uploadsCall, name)
			}
			return parseDigest(blobCall, name, last)
		case "uploads":
			if n >= 4 && s[n-3] == "blobs" {
				return parseUpload(strings.Join(s[:n-3], "/"), last)
			}
		}
	}
	return call{}, noRoute(u)
}

func parseRepo(r resource, name string) (call, error) {
	repo, err := easel.ParseRepo(name)
	return call{resource: r, repo: repo}, err
}

func parseDigest(r resource, name, digest string) (call, error) {
	c, err := parseRepo(r, name)
	if err != nil {
		return c, err
	}
	c.digest, err = easel.ParseDigest(digest)
	return c, err
}

func parseManifest(name, ref string) (call, error) {
	c, err := parseRepo(manifestCall, name)
	if err != nil {
		return c, err
	}
	c.ref, err = easel.ParseRef(ref)
	return c, err
}

func parseUpload(name, id string) (call, error) {
	if id == "" {
		return parseRepo(uploadsCall, name)
	}
	c, err := parseRepo(uploadCall, name)
	if err != nil {
		return c, err
	}
	if !easel.IsUUID(id) {
		return c, easel.E(easel.NotFound, "upload", "there is no upload %.80q", id)
	}
	c.upload = id
	return c, nil
}

func noRoute(u *url.URL) error {
	return easel.E(easel.NotFound, "route", "there is nothing at %.200s", u.Path)
}

// parsePage reads the parameters of a listing: n, at most and by default
// registry.MaxPage, and last.
func parsePage(q url.Values) (n int, last string, err error) {
	n = registry.MaxPage
	if s := q.Get("n"); s != "" {
		if !isNumber(s) {
			return 0, "", easel.E(easel.Invalid, "page", "n=%.40q is no number of entries", s)
		}
		if n, err = strconv.Atoi(s); err != nil || n > registry.MaxPage {
			n = registry.MaxPage // more digits than an int has is more than a page, too
		}
	}
	last, err = parseText(q, "last")
	return n, last, err
}

// parseText reads a parameter that is only compared with what is stored.
func parseText(q url.Values, name string) (string, error) {
	s := q.Get(name)
	if len(s) > 512 || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", easel.E(easel.Invalid, "page", "%s must be at most 512 bytes of UTF-8 text", name)
	}
	return s, nil
}

// maxTags bounds the tags of one manifest push; the specification asks for at
// least ten.
const maxTags = 100

// parseTags reads the parameters tag of a manifest push by digest.
func parseTags(q url.Values) ([]easel.Tag, error) {
	if len(q["tag"]) > maxTags {
		return nil, easel.E(easel.TooLarge, "tag", "%d tags at once are too many: at most %d are taken", len(q["tag"]), maxTags)
	}
	var found []easel.Tag
	for _, s := range q["tag"] {
		t, err := easel.ParseTag(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	return found, nil
}

// parseChunk reads what the header says about the body, which the caller adds.
func parseChunk(r *http.Request) (registry.Chunk, error) {
	c := registry.Chunk{At: registry.AtEnd, Size: r.ContentLength}
	header := r.Header.Get("Content-Range")
	if header == "" {
		return c, nil
	}
	first, last, ok := parseContentRange(header)
	if !ok {
		return c, easel.E(easel.Invalid, "upload", "the Content-Range %.80q cannot be read: want FIRST-LAST", header)
	}
	c.At = first
	if c.Size == registry.SizeUnknown {
		c.Size = last - first + 1
	}
	if c.Size != last-first+1 {
		return c, easel.E(easel.Invalid, "size", "the body has %d bytes, but Content-Range says %d", c.Size, last-first+1)
	}
	return c, nil
}

// parseContentRange reads FIRST-LAST, both inclusive (OCI distribution,
// "Pushing a blob in chunks"). It is not the header of RFC 9110.
func parseContentRange(s string) (first, last int64, ok bool) {
	a, b, found := strings.Cut(s, "-")
	if !found || !isNumber(a) || !isNumber(b) {
		return 0, 0, false
	}
	first, err1 := strconv.ParseInt(a, 10, 63)
	last, err2 := strconv.ParseInt(b, 10, 63)
	return first, last, err1 == nil && err2 == nil && first <= last
}

// parseRange decides about a Range header (RFC 9110, 14.2) for content of size
// bytes. It returns whether the header is to be honoured, which only a single
// range in bytes is; everything else may be ignored. Errors: Range "blob".
func parseRange(header string, size int64) (honour bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	a, b, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !found || size == 0 || (a == "" && b == "") || (a != "" && !isNumber(a)) || (b != "" && !isNumber(b)) {
		return false, nil
	}
	unsatisfiable := easel.E(easel.Range, "blob", "the range %.80q is not within the %d bytes there are", spec, size)
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	switch {
	case (a != "" && err1 != nil) || (b != "" && err2 != nil): // beyond every size
		return false, unsatisfiable
	case a == "" && last == 0, a != "" && first >= size, a != "" && b != "" && last < first:
		return false, unsatisfiable
	}
	return true, nil
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
