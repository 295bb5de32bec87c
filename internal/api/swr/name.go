package swr

import (
	"net/http"
	"net/url"
	"strings"

	"easel"
)

// pathOrg returns the organisation that the path names.
func pathOrg(r *http.Request) (easel.Org, error) {
	return easel.ParseOrg(r.PathValue("namespace"))
}

// pathRepo returns the repository that the path names. Its segment is
// percent-decoded already, once; a name's slashes are "$" or were %2F (swr.md 2.6).
func pathRepo(r *http.Request) (easel.Repo, error) {
	org, err := pathOrg(r)
	if err != nil {
		return "", err
	}
	return repoName(org, slashes(r.PathValue("repository")))
}

// pathTag returns the repository and the tag that the path names.
func pathTag(r *http.Request) (easel.Repo, easel.Tag, error) {
	repo, err := pathRepo(r)
	if err != nil {
		return "", "", err
	}
	tag, err := easel.ParseTag(r.PathValue("tag"))
	return repo, tag, err
}

// slashes turns a repository name from the form of paths and queries into
// that of bodies.
func slashes(s string) string { return strings.ReplaceAll(s, "$", "/") }

// repoName puts the full name together. Errors: Invalid "repository".
func repoName(org easel.Org, name string) (easel.Repo, error) {
	return easel.ParseRepo(string(org) + "/" + name)
}

// host returns the registry host that image paths begin with.
func (s *server) host(r *http.Request) string {
	u, err := url.Parse(s.o.PublicURL(r))
	if err != nil {
		return r.Host
	}
	return u.Host
}

// categories are the values of a repository's category (swr.md 2.7). One SDK
// spells "arm" as "arms".
var categories = map[string]string{
	"app_server": "app_server", "linux": "linux", "framework_app": "framework_app", "database": "database", "lang": "lang",
	"windows": "windows", "arm": "arm", "arms": "arm", "other": "other",
}

// category returns s as it is stored. Errors: Invalid "category".
func category(s string) (string, error) {
	c, ok := categories[s]
	if !ok {
		return "", easel.E(easel.Invalid, "category", "%.40q is no category: use app_server, linux, framework_app, database, lang, windows, arm or other", s)
	}
	return c, nil
}
