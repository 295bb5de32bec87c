package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// FuzzVerify changes a good token: nothing but the token itself counts. The
// last character of a signature may have bits that mean nothing.
func FuzzVerify(f *testing.F) {
	const name, audience = "https://ci.example.org", "easel"
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	good, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: name, Subject: "s", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(now.Add(time.Minute))}).Serialize()
	if err != nil {
		f.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}})
	if err != nil {
		f.Fatal(err)
	}
	keys, err := fixedKeys(public)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := verify(context.Background(), keys, good, name, audience, now); err != nil {
		f.Fatal(err)
	}
	f.Add(0, 0, "")
	f.Add(3, 5, "x")
	f.Add(0, len(good), `{"payload":"e30","signatures":[]}`)
	f.Add(0, len(good), "eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, from, to int, put string) {
		if from < 0 || to < from || to > len(good) {
			return
		}
		token := good[:from] + put + good[to:]
		if strings.HasPrefix(token, good[:len(good)-1]) && len(token) == len(good) {
			return
		}
		if got, err := verify(t.Context(), keys, token, name, audience, now); err == nil {
			t.Errorf("%s counts: %+v", token, got)
		}
	})
}

// FuzzKeys parses sets of keys: nothing private and nothing shared is kept.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := parseKeys(text)
		if err == nil && len(found) == 0 {
			t.Error("no key, and no error")
		}
		for _, k := range found {
			if !k.IsPublic() || !k.Valid() {
				t.Errorf("%+v is kept", k)
			}
		}
	})
}
