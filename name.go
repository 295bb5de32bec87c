package easel

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Org is the name of an organisation (SWR "namespace"): 1–64 characters,
// unique in the installation (swr.md 2.6).
type Org string

// Repo is the full name of a repository: organisation, slash, name. The name
// may contain further slashes (swr.md 2.6).
type Repo string

// Tag is a tag name: 1–128 characters.
type Tag string

var (
	orgPattern  = regexp.MustCompile(`^[a-z][a-z0-9]*(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$`)
	namePattern = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$`)
	tagPattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// reservedOrgs would collide with routes or with conventions of other registries.
var reservedOrgs = map[string]bool{"library": true, "manage": true}

// ParseOrg returns s as an organisation name, or Invalid.
func ParseOrg(s string) (Org, error) {
	if len(s) > 64 || !orgPattern.MatchString(s) {
		return "", E(Invalid, "organisation", "%.80q is no organisation name: 1-64 of a-z, 0-9, starting with a letter, with single '.', '_' or '-' between", s)
	}
	if reservedOrgs[s] {
		return "", E(Invalid, "organisation", "the organisation name %q is reserved", s)
	}
	return Org(s), nil
}

// ParseRepo returns s as a repository name: an organisation of at most 64 and
// a name of at most 128 characters, or Invalid.
func ParseRepo(s string) (Repo, error) {
	org, name, ok := strings.Cut(s, "/")
	if !ok {
		return "", E(Invalid, "repository", "%.80q is no repository name: want organisation/name", s)
	}
	if _, err := ParseOrg(org); err != nil {
		return "", E(Invalid, "repository", "%.80q is no repository name: %v", s, err)
	}
	if len(name) > 128 || !namePattern.MatchString(name) {
		return "", E(Invalid, "repository", "%.80q is no repository name: after the organisation 1-128 of a-z, 0-9, with '/' or single '.', '_', '-' between", s)
	}
	return Repo(s), nil
}

// Org returns the organisation that owns the repository.
func (r Repo) Org() Org { org, _, _ := strings.Cut(string(r), "/"); return Org(org) }

// Name returns what follows the organisation.
func (r Repo) Name() string { _, name, _ := strings.Cut(string(r), "/"); return name }

// ParseTag returns s as a tag, or Invalid.
func ParseTag(s string) (Tag, error) {
	if !tagPattern.MatchString(s) {
		return "", E(Invalid, "tag", "%.80q is no tag: 1-128 of A-Z, a-z, 0-9, '_', '.', '-', not starting with '.' or '-'", s)
	}
	return Tag(s), nil
}

// System is the user name of what the server does by itself, in audit trails and
// events. No user is called so.
const System = "easel"

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)

// IsAccountName reports whether s can be the name of a domain, project, group
// or user (iam.md 5). For a user, [IsSystem] must not hold either.
func IsAccountName(s string) bool { return accountPattern.MatchString(s) }

// IsSystem reports whether s is [System], in whatever case.
func IsSystem(s string) bool { return strings.EqualFold(s, System) }

// IsPolicyName reports whether s can be the name of a policy of an account: 1
// to 64 characters (iam.md 5).
func IsPolicyName(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= 64 &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>{}|\`, r) })
}

// TagPattern is a pattern of tags: "*" stands for any characters, "?" for one.
type TagPattern string

var tagPatternPattern = regexp.MustCompile(`^[A-Za-z0-9_.*?-]{1,128}$`)

// ParseTagPattern returns s as a pattern, or Invalid.
func ParseTagPattern(s string) (TagPattern, error) {
	if !tagPatternPattern.MatchString(s) {
		return "", E(Invalid, "tag pattern", "%.80q is no pattern of tags: 1-128 of A-Z, a-z, 0-9, '_', '.', '-', '*' for any characters and '?' for one", s)
	}
	return TagPattern(s), nil
}

// Matches reports whether the whole tag is like the pattern.
func (p TagPattern) Matches(t Tag) bool {
	ok, err := path.Match(string(p), string(t))
	return ok && err == nil
}

// Ref names a manifest in a repository: by tag or by digest, never both.
type Ref struct {
	Tag    Tag
	Digest Digest
}

// ParseRef returns s as a digest when it has a colon, else as a tag.
func ParseRef(s string) (Ref, error) {
	if strings.Contains(s, ":") {
		d, err := ParseDigest(s)
		return Ref{Digest: d}, err
	}
	t, err := ParseTag(s)
	return Ref{Tag: t}, err
}

// String returns the tag or digest.
func (r Ref) String() string {
	if r.Tag != "" {
		return string(r.Tag)
	}
	return string(r.Digest)
}
