package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptySHA256     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// variant says how one try reads what the specification leaves open (iam.md 8.5, 7).
type variant struct {
	slashes  bool // decode the path segment by segment: %2F is not a separator
	bodyless bool // scoped POST without a body: the query is the payload
	portless bool // host without its default port
}

// errAbsent is returned when a signed header is not in the request.
var errAbsent = errors.New("a header in SignedHeaders is not in the request")

// canonical returns the canonical request (iam.md 8.2).
func (r *SignedRequest) canonical(a authorization, body []byte, v variant) (string, error) {
	path, err := canonicalPath(r.RawPath, v.slashes)
	if err != nil {
		return "", err
	}
	pairs, err := parsePairs(r.RawQuery)
	if err != nil {
		return "", err
	}
	query, payload := canonicalQuery(pairs, a.scoped()), r.payloadHash(body)
	if v.bodyless {
		query, payload = "", hexSHA256([]byte(formQuery(pairs)))
	}
	headers, err := r.canonicalHeaders(a, len(body), v.portless)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{strings.ToUpper(r.Method), path, query, headers, strings.Join(a.headers, ";"), payload}, "\n"), nil
}

// canonicalPath decodes a path as it was sent, encodes every segment again
// and ends it with a slash.
func canonicalPath(raw string, bySegment bool) (string, error) {
	var segments []string
	if bySegment {
		for s := range strings.SplitSeq(raw, "/") {
			decoded, err := url.PathUnescape(s)
			if err != nil {
				return "", err
			}
			segments = append(segments, decoded)
		}
	} else {
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			return "", err
		}
		segments = strings.Split(decoded, "/")
	}
	for i, s := range segments {
		segments[i] = encode(s)
	}
	path := strings.Join(segments, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path, nil
}

// pair is a decoded key with its value.
type pair struct{ key, value string }

// parsePairs splits a raw query at "&" only: url.ParseQuery would drop pairs with ";".
func parsePairs(raw string) ([]pair, error) {
	var pairs []pair
	for s := range strings.SplitSeq(raw, "&") {
		if s == "" {
			continue
		}
		k, v, _ := strings.Cut(s, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, err
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}

// canonicalQuery encodes and sorts. The scoped layout sorts encoded keys
// without regard to case and takes the first value of a repeated key only.
func canonicalQuery(pairs []pair, scoped bool) string {
	pairs = slices.Clone(pairs)
	if scoped {
		seen := map[string]bool{}
		pairs = slices.DeleteFunc(pairs, func(p pair) bool {
			again := seen[p.key]
			seen[p.key] = true
			return again
		})
		slices.SortStableFunc(pairs, func(a, b pair) int {
			return strings.Compare(strings.ToLower(encode(a.key)), strings.ToLower(encode(b.key)))
		})
	} else {
		slices.SortFunc(pairs, func(a, b pair) int {
			if c := strings.Compare(a.key, b.key); c != 0 {
				return c
			}
			return strings.Compare(a.value, b.value)
		})
	}
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(encode(p.key) + "=" + encode(p.value))
	}
	return b.String()
}

// formQuery is the payload of a scoped POST without a body: Go's form encoding.
func formQuery(pairs []pair) string {
	form := url.Values{}
	for _, p := range pairs {
		form.Add(p.key, p.value)
	}
	return form.Encode()
}

// canonicalHeaders returns a line for each header in the list, in its order.
func (r *SignedRequest) canonicalHeaders(a authorization, length int, portless bool) (string, error) {
	var b strings.Builder
	for _, name := range a.headers {
		values := r.values(name, length, portless)
		if len(values) == 0 {
			return "", errAbsent
		}
		if a.scoped() {
			b.WriteString(name + ":" + collapse(values[0]) + "\n")
			continue
		}
		values = slices.Clone(values)
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		slices.Sort(values)
		for _, v := range values {
			b.WriteString(name + ":" + v + "\n")
		}
	}
	return b.String(), nil
}

func (r *SignedRequest) values(name string, length int, portless bool) []string {
	switch name {
	case "host":
		host := r.Host
		if portless {
			host = withoutDefaultPort(host)
		}
		return []string{host}
	case "content-length":
		return []string{strconv.Itoa(length)}
	}
	return r.header(name)
}

func withoutDefaultPort(host string) string {
	for _, port := range []string{":80", ":443"} {
		if bare, ok := strings.CutSuffix(host, port); ok {
			return bare
		}
	}
	return host
}

// collapse replaces every run of white space with one space.
func collapse(s string) string {
	var b strings.Builder
	space := false
	for _, c := range []byte(s) {
		if c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r' {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		b.WriteByte(c)
	}
	return b.String()
}

func (r *SignedRequest) payloadHash(body []byte) string {
	if v := r.header("x-sdk-content-sha256"); len(v) > 0 {
		return v[0]
	}
	return hexSHA256(body)
}

func hexSHA256(b []byte) string {
	if len(b) == 0 {
		return emptySHA256
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// encode percent-encodes every byte that RFC 3986 does not call unreserved.
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range []byte(s) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}
