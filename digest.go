package easel

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Digest names content by its hash: "sha256:" or "sha512:" followed by
// lower-case hex (OCI image spec, descriptor, "Digests"). The zero value
// names nothing.
type Digest string

// The digest algorithms that Easel stores.
const (
	SHA256 = "sha256"
	SHA512 = "sha512"
)

// ParseDigest returns s as a Digest. Unknown algorithms, upper-case hex and
// wrong lengths are Invalid.
func ParseDigest(s string) (Digest, error) {
	alg, hexa, ok := strings.Cut(s, ":")
	if !ok {
		return "", E(Invalid, "digest", "%.80q is no digest: want sha256:<64 hex> or sha512:<128 hex>", s)
	}
	want := map[string]int{SHA256: 64, SHA512: 128}[alg]
	if want == 0 {
		return "", E(Invalid, "digest", "digest algorithm %.32q is not supported: use sha256 or sha512", alg)
	}
	if len(hexa) != want || strings.Trim(hexa, "0123456789abcdef") != "" {
		return "", E(Invalid, "digest", "%.160q is no digest: want %s: and %d lower-case hex digits", s, alg, want)
	}
	return Digest(s), nil
}

// Algorithm returns "sha256" or "sha512".
func (d Digest) Algorithm() string { alg, _, _ := strings.Cut(string(d), ":"); return alg }

// Hex returns the part after the colon.
func (d Digest) Hex() string { _, h, _ := strings.Cut(string(d), ":"); return h }

// NewHash returns a hash for algorithm, and false when Easel does not know it.
// The hashes implement encoding.BinaryMarshaler, so an upload can be resumed.
func NewHash(algorithm string) (hash.Hash, bool) {
	switch algorithm {
	case SHA256:
		return sha256.New(), true
	case SHA512:
		return sha512.New(), true
	}
	return nil, false
}

// DigestOf returns the digest of b under algorithm, which must be known.
func DigestOf(algorithm string, b []byte) Digest {
	h, _ := NewHash(algorithm)
	h.Write(b)
	return SumDigest(algorithm, h)
}

// SumDigest returns the digest of what was written to h.
func SumDigest(algorithm string, h hash.Hash) Digest {
	return Digest(algorithm + ":" + hex.EncodeToString(h.Sum(nil)))
}
