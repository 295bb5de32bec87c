package ociapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/registry"
)

const (
	digest256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	uploadID  = "0190f6b0-0000-7000-8000-000000000000"
)

var digest512 = "sha512:" + strings.Repeat("0a", 64)

func TestParse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 129)
	for _, tt := range []struct {
		path string
		want call
		code string // "": it is understood
	}{
		{"/v2/", call{resource: pingCall}, ""},
		{"/v2/_catalog", call{resource: catalogCall}, ""},
		{"/v2/org/name/tags/list", call{resource: tagsCall, repo: "org/name"}, ""},
		{"/v2/org/a/b/c/tags/list", call{resource: tagsCall, repo: "org/a/b/c"}, ""},
		{"/v2/org/name/manifests/v1", call{resource: manifestCall, repo: "org/name", ref: easel.Ref{Tag: "v1"}}, ""},
		{"/v2/org/name/manifests/" + digest256, call{resource: manifestCall, repo: "org/name", ref: easel.Ref{Digest: digest256}}, ""},
		{"/v2/org/name/manifests/" + digest512, call{resource: manifestCall, repo: "org/name", ref: easel.Ref{Digest: easel.Digest(digest512)}}, ""},
		{"/v2/org/name/blobs/" + digest256, call{resource: blobCall, repo: "org/name", digest: digest256}, ""},
		{"/v2/org/name/blobs/" + strings.Replace(digest256, ":", "%3A", 1), call{resource: blobCall, repo: "org/name", digest: digest256}, ""},
		{"/v2/org/name/referrers/" + digest256, call{resource: referrersCall, repo: "org/name", digest: digest256}, ""},
		{"/v2/org/name/blobs/uploads/", call{resource: uploadsCall, repo: "org/name"}, ""},
		{"/v2/org/name/blobs/uploads", call{resource: uploadsCall, repo: "org/name"}, ""},
		{"/v2/org/name/blobs/uploads/" + uploadID, call{resource: uploadCall, repo: "org/name", upload: uploadID}, ""},
		// Names may contain the words that separate them from the rest.
		{"/v2/org/blobs/uploads/manifests/v1", call{resource: manifestCall, repo: "org/blobs/uploads", ref: easel.Ref{Tag: "v1"}}, ""},
		{"/v2/org/manifests/tags/list", call{resource: tagsCall, repo: "org/manifests"}, ""},
		{"/v2/org/tags/manifests/list", call{resource: manifestCall, repo: "org/tags", ref: easel.Ref{Tag: "list"}}, ""},
		{"/v2/tags/list/tags/list", call{resource: tagsCall, repo: "tags/list"}, ""},

		{"/v2", call{}, "404 NAME_UNKNOWN"},
		{"/v3/", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org/name", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org/name/tags/other", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org/name/tags/list/", call{}, "404 NAME_UNKNOWN"},
		{"/v2/_catalog/", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org/name/blobs/uploads/" + uploadID + "/", call{}, "404 NAME_UNKNOWN"},
		{"/v2/name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/library/name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/Org/name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/Name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/" + long + "/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2//org/name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org//name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/name//tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/../name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/./name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/%2e%2e/name/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org%2fname/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org%2Fname/x/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/na%00me/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/na%20me/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/name%5C/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/_uploads/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/.uploads/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/n\u00e4me/tags/list", call{}, "400 NAME_INVALID"},
		{"/v2/org/name/blobs/latest", call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/blobs/" + strings.ToUpper(digest256), call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/blobs/" + digest256[:70], call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/blobs/sha256/../uploads", call{}, "404 NAME_UNKNOWN"},
		{"/v2/org/name/referrers/v1", call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/manifests/sha256:bad", call{}, "400 DIGEST_INVALID"},
		{"/v2/org/name/manifests/.v1", call{}, "400 TAG_INVALID"},
		{"/v2/org/name/manifests/" + long, call{}, "400 TAG_INVALID"},
		{"/v2/org/name/manifests/", call{}, "400 TAG_INVALID"},
		{"/v2/org/name/blobs/uploads/other", call{}, "404 BLOB_UPLOAD_UNKNOWN"},
		{"/v2/org/name/blobs/uploads/" + strings.ToUpper("0190F6B0-0000-7000-8000-00000000000A"), call{}, "404 BLOB_UPLOAD_UNKNOWN"},
	} {
		u, err := url.ParseRequestURI(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(u)
		if tt.code != "" {
			status, code := statusOf(err)
			if err == nil || strconv.Itoa(status)+" "+code != tt.code {
				t.Errorf("parse(%s): %d %s, %v, want %s", tt.path, status, code, err, tt.code)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("parse(%s) = %+v, %v, want %+v", tt.path, got, err, tt.want)
		}
	}
}

// FuzzParse: whatever is understood is valid and writes the same path again.
func FuzzParse(f *testing.F) {
	for _, path := range []string{
		"/v2/", "/v2/_catalog", "/v2/org/name/tags/list", "/v2/org/name/manifests/v1", "/v2/org/name/blobs/" + digest256,
		"/v2/org/name/blobs/uploads/", "/v2/org/name/blobs/uploads/" + uploadID, "/v2/org%2fname/tags/list", "/v2/a/../b/tags/list",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		c, err := parse(u)
		if err != nil {
			if status, _ := statusOf(err); status < 400 || status > 499 {
				t.Errorf("parse(%q): status %d", path, status)
			}
			return
		}
		again := map[resource]string{
			pingCall: "/v2/", catalogCall: "/v2/_catalog", tagsCall: "/v2/" + string(c.repo) + "/tags/list",
			referrersCall: "/v2/" + string(c.repo) + "/referrers/" + string(c.digest), blobCall: "/v2/" + string(c.repo) + "/blobs/" + string(c.digest),
			manifestCall: "/v2/" + string(c.repo) + "/manifests/" + c.ref.String(), uploadsCall: "/v2/" + string(c.repo) + "/blobs/uploads/",
			uploadCall: "/v2/" + string(c.repo) + "/blobs/uploads/" + c.upload,
		}[c.resource]
		if strings.TrimSuffix(again, "/") != strings.TrimSuffix(u.Path, "/") {
			t.Errorf("parse(%q) = %+v, which is %s", path, c, again)
		}
		if _, err := easel.ParseRepo(string(c.repo)); c.resource != pingCall && c.resource != catalogCall && err != nil {
			t.Errorf("parse(%q): %v", path, err)
		}
	})
}

func TestParseChunk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, header string
		length       int64
		want         registry.Chunk
		code         string
	}{
		{"stream", "", -1, registry.Chunk{At: registry.AtEnd, Size: registry.SizeUnknown}, ""},
		{"sized", "", 7, registry.Chunk{At: registry.AtEnd, Size: 7}, ""},
		{"chunk", "5-11", 7, registry.Chunk{At: 5, Size: 7}, ""},
		{"chunk without length", "5-11", -1, registry.Chunk{At: 5, Size: 7}, ""},
		{"length differs", "5-11", 8, registry.Chunk{}, "SIZE_INVALID"},
		{"form of RFC 9110", "bytes 5-11/12", 7, registry.Chunk{}, "BLOB_UPLOAD_INVALID"},
		{"backwards", "11-5", 7, registry.Chunk{}, "BLOB_UPLOAD_INVALID"},
		{"signed", "+5-11", 7, registry.Chunk{}, "BLOB_UPLOAD_INVALID"},
		{"open", "5-", 7, registry.Chunk{}, "BLOB_UPLOAD_INVALID"},
		{"beyond every size", "0-9223372036854775807", -1, registry.Chunk{}, "BLOB_UPLOAD_INVALID"},
	} {
		r := &http.Request{Header: http.Header{}, ContentLength: tt.length}
		if tt.header != "" {
			r.Header.Set("Content-Range", tt.header)
		}
		got, err := parseChunk(r)
		if tt.code != "" {
			if status, code := statusOf(err); status != 400 || code != tt.code {
				t.Errorf("%s: %d %s, want 400 %s", tt.name, status, code, tt.code)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"0-0", "5-11", "11-5", "-", "5-", "-5", "bytes 0-1/2", "00-01", "99999999999999999999-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, ok := parseContentRange(s)
		if ok && (first < 0 || last < first || last-first+1 <= 0) {
			t.Errorf("parseContentRange(%q) = %d, %d", s, first, last)
		}
	})
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header        string
		size          int64
		honour, wrong bool
	}{
		{"bytes=0-0", 10, true, false},
		{"bytes=0-9", 10, true, false},
		{"bytes=5-", 10, true, false},
		{"bytes=5-99", 10, true, false},
		{"bytes=-3", 10, true, false},
		{"bytes=-99", 10, true, false},
		{"bytes=10-", 10, false, true},
		{"bytes=10-12", 10, false, true},
		{"bytes=5-4", 10, false, true},
		{"bytes=-0", 10, false, true},
		{"bytes=99999999999999999999-", 10, false, true},
		{"bytes=0-1,3-4", 10, false, false}, // several: the whole is an answer
		{"lines=0-1", 10, false, false},
		{"bytes=", 10, false, false},
		{"bytes=-", 10, false, false},
		{"bytes=a-b", 10, false, false},
		{"bytes=0-0", 0, false, false},
		{"bytes=-5", 0, false, false},
	} {
		honour, err := parseRange(tt.header, tt.size)
		if honour != tt.honour || (err != nil) != tt.wrong {
			t.Errorf("parseRange(%q, %d) = %v, %v", tt.header, tt.size, honour, err)
		}
	}
}

// FuzzRange: serveContent answers 200, 206 or 416, and the bytes are those asked for.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-3", "bytes=5-4", "bytes= 1-2", "bytes=1-2,3-4", "lines=1-2", "bytes=9223372036854775807-"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, header string, size int) {
		if size < 0 || size > 1000 {
			return
		}
		if code, body := serveRange(t, header, size); code != 200 && code != 206 && code != 416 || code == 200 && len(body) != size {
			t.Errorf("Range %q of %d bytes: %d with %d bytes", header, size, code, len(body))
		}
	})
}

func TestParsePage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query string
		n     int
		last  string
		ok    bool
	}{
		{"", registry.MaxPage, "", true},
		{"n=5&last=v1", 5, "v1", true},
		{"n=0", 0, "", true},
		{"n=1001", registry.MaxPage, "", true},
		{"n=2147483648", registry.MaxPage, "", true},
		{"n=9223372036854775808", registry.MaxPage, "", true},
		{"n=-1", 0, "", false},
		{"n=ten", 0, "", false},
		{"last=%00", 0, "", false},
		{"last=%ff", 0, "", false},
		{"last=" + strings.Repeat("x", 513), 0, "", false},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		n, last, err := parsePage(q)
		if (err == nil) != tt.ok || tt.ok && (n != tt.n || last != tt.last) {
			t.Errorf("parsePage(%s) = %d, %q, %v", tt.query, n, last, err)
		}
	}
}

func TestParseTags(t *testing.T) {
	t.Parallel()
	many := url.Values{"tag": make([]string, maxTags+1)}
	if _, err := parseTags(many); err == nil {
		t.Error("too many tags are taken")
	} else if status, code := statusOf(err); status != 414 || code != "TAG_INVALID" {
		t.Errorf("too many tags: %d %s", status, code)
	}
	if _, err := parseTags(url.Values{"tag": {"v1", "-v2"}}); err == nil {
		t.Error("a bad tag is taken")
	}
	got, err := parseTags(url.Values{"tag": {"v1", "v2", "v1"}})
	if diff := cmp.Diff([]easel.Tag{"v1", "v2"}, got); err != nil || diff != "" {
		t.Errorf("tags: %v\n%s", err, diff)
	}
}
