package identity

import (
	"encoding/base64"
	"strings"
	"testing"

	"easel"
)

// FuzzVerifyRegistryToken: whatever is not exactly a token that was issued is
// nobody's.
func FuzzVerifyRegistryToken(f *testing.F) {
	fix := newFixture(f)
	good, err := fix.RegistryToken(f.Context(), fix.admin(), nil)
	if err != nil {
		f.Fatal(err)
	}
	header, rest, _ := strings.Cut(good.Token, ".")
	payload, mac, _ := strings.Cut(rest, ".")
	for _, s := range []string{
		good.Token, "", ".", "..", "...", good.Token + ".", header + ".." + mac, header + "." + payload + ".", header + "." + payload + "." + strings.ToUpper(mac),
		"eyJhbGciOiJub25lIn0." + payload + ".", " " + good.Token, good.Token + "=", header + ".e30." + mac,
	} {
		f.Add(s)
	}
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		f.Add(good.Token[:len(good.Token)-1] + string(last)) // some differ only in bits that base64 has too many
	}
	f.Fuzz(func(t *testing.T, token string) {
		who, err := fix.VerifyRegistryToken(t.Context(), token)
		if err == nil && !spells(token, good.Token) {
			t.Errorf("%q is %+v", token, who)
		}
		if err != nil && (token == good.Token || easel.AsError(err).Kind != easel.Unauthenticated) {
			t.Errorf("%q = %v", token, err)
		}
	})
}

// spells reports whether token is good in another spelling: base64 has bits too
// many at its end, and line feeds in it count for nothing.
func spells(token, good string) bool {
	signed := func(s string) (string, string) {
		s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
		at := strings.LastIndexByte(s, '.') + 1
		mac, _ := base64.RawURLEncoding.DecodeString(s[at:]) // what does not decode is not good either
		return s[:at], string(mac)
	}
	text, mac := signed(token)
	wantText, wantMAC := signed(good)
	return text == wantText && mac == wantMAC
}
