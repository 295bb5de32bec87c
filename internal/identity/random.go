package identity

import "crypto/rand"

const (
	upperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	letters     = upperDigits + "abcdefghijklmnopqrstuvwxyz"
)

// The forms of generated credentials (iam.md section 1).
func newAccess() string   { return randomText(upperDigits, 20) }
func newSecret() string   { return randomText(letters, 40) }
func newPassword() string { return randomText(letters, 20) }

// randomText returns n characters of alphabet, each equally likely.
func randomText(alphabet string, n int) string {
	limit := 256 - 256%len(alphabet) // bytes from here on would favour the first characters
	out := make([]byte, 0, n)
	var b [64]byte
	for {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) >= limit {
				continue
			}
			if out = append(out, alphabet[int(c)%len(alphabet)]); len(out) == n {
				return string(out)
			}
		}
	}
}
