package client

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "SDK-HMAC-SHA256"
	dateLayout = "20060102T150405Z"
)

// sign adds X-Sdk-Date and Authorization to r, whose body is body. Only
// headers that no proxy rewrites are signed: the date and the project.
func sign(r *http.Request, body []byte, creds Credentials, now time.Time) {
	date := now.UTC().Format(dateLayout)
	r.Header.Set("X-Sdk-Date", date)
	signed := []string{"x-sdk-date"}
	if r.Header.Get("X-Project-Id") != "" {
		signed = []string{"x-project-id", "x-sdk-date"}
	}
	canonical := canonicalRequest(r, body, signed)
	toSign := algorithm + "\n" + date + "\n" + hexSum(canonical)
	r.Header.Set("Authorization", algorithm+" Access="+creds.AccessKey+
		", SignedHeaders="+strings.Join(signed, ";")+", Signature="+hexMAC(creds.SecretKey, toSign))
}

// canonicalRequest is the text of iam.md section 8.2, plain layout.
func canonicalRequest(r *http.Request, body []byte, signed []string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL.Path) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + strings.TrimSpace(r.Header.Get(name)) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hexSum(string(body)))
	return b.String()
}

func canonicalPath(decoded string) string {
	segments := strings.Split(decoded, "/")
	for i, s := range segments {
		segments[i] = encode(s)
	}
	return strings.TrimSuffix(strings.Join(segments, "/"), "/") + "/"
}

func canonicalQuery(query url.Values) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[key])) {
			pairs = append(pairs, encode(key)+"="+encode(value))
		}
	}
	return strings.Join(pairs, "&")
}

// encode is percent-encoding as in RFC 3986: every byte but the unreserved.
func encode(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
}

// LoginKey returns the password that docker and other registry clients use
// with user name "{project name}@{access key}" (iam.md 10.1).
func LoginKey(accessKey, secretKey string) string { return hexMAC(secretKey, accessKey) }

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hexMAC(key, message string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}
