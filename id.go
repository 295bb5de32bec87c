package easel

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"time"
)

// NewID returns 32 random hex digits: the form of domain, project and user
// ids and of request ids.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// NewUUID returns a version 7 UUID (RFC 9562): image, upload and receipt ids.
// They sort by the time they were made, to a quarter of a microsecond.
func NewUUID(now time.Time) string {
	var b [16]byte
	rand.Read(b[:])
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	fraction := now.Nanosecond() % 1e6 * 4096 / 1e6 // RFC 9562 section 6.2, method 3
	b[6], b[7] = byte(fraction>>8)|0x70, byte(fraction)
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

// GroupID returns the id of an image group: a version 5 UUID of project,
// workspace, organisation and name (images.md, operation C), so that a group
// keeps its id for as long as it has versions.
func GroupID(project, workspace, org, name string) string {
	space := [16]byte{0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8} // RFC 9562: the X.500 name space
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(strings.Join([]string{project, workspace, org, name}, "\x00")))
	var b [16]byte
	copy(b[:], h.Sum(nil))
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

// IsUUID reports whether s is a UUID in canonical lower-case form.
func IsUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	s = strings.ReplaceAll(s, "-", "")
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

func formatUUID(b [16]byte) string {
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
